using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Nacelle.Kvm.Tests")]
