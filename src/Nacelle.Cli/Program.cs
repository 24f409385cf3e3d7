using Nacelle.Cli;
using Nacelle.Cpu;

TimestampCalibration.Begin();
return await CommandLine.RunAsync(args).ConfigureAwait(false);
