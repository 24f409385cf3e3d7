using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Nacelle.Cli.Tests")]
