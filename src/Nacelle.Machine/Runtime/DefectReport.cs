using System.Diagnostics;
using System.Text;

namespace Nacelle.Machine.Runtime;

/// <summary>Says in one line what of this program went wrong, for those who mend it.</summary>
internal static class DefectReport
{
    private const int Frames = 12;

    /// <summary>Describes an exception that no code expected.</summary>
    /// <param name="where">The thread's part in the machine, such as "disk 0".</param>
    /// <param name="error">What left it.</param>
    /// <returns>One line: the exception, and the methods that it went through.</returns>
    internal static string Describe(string where, Exception error)
    {
        StringBuilder line = new($"please report this defect of nacelle: {where}: {error.GetType().Name}: ");
        line.Append(error.Message.ReplaceLineEndings(" "));
        string separator = " (in ";
        foreach (StackFrame frame in new StackTrace(error, fNeedFileInfo: false).GetFrames().Take(Frames))
        {
            if (DiagnosticMethodInfo.Create(frame) is { } method)
            {
                line.Append(separator).Append(method.DeclaringTypeName).Append('.').Append(method.Name);
                separator = " < ";
            }
        }

        return line.Append(separator == " < " ? ")" : "").ToString();
    }
}
