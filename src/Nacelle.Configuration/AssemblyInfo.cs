using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Nacelle.Configuration.Tests")]
