using Nacelle.Cli;

return await CommandLine.RunAsync(args).ConfigureAwait(false);
