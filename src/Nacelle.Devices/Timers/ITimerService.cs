namespace Nacelle.Devices.Timers;

/// <summary>Time and one-shot timers for device models; real ones in a machine, hand-moved ones in tests.</summary>
/// <remarks>Thread safe. Callbacks come on the service's own thread.</remarks>
public interface ITimerService
{
    /// <summary>Nanoseconds on a monotonic clock.</summary>
    long NowNanoseconds { get; }

    /// <summary>Makes a timer at rest.</summary>
    IDeviceTimer CreateTimer(Action callback);
}

/// <summary>A one-shot timer.</summary>
public interface IDeviceTimer
{
    /// <summary>Sets the moment of the callback on the service's clock and replaces an earlier one.</summary>
    void Arm(long deadlineNanoseconds);

    /// <summary>Takes the moment back.</summary>
    void Cancel();
}
