using Nacelle.Devices.Timers;
using Nacelle.Linux;

namespace Nacelle.Machine.Runtime;

/// <summary>Timers of device models on an event loop's thread.</summary>
internal sealed class EventLoopTimerService(EventLoop loop) : ITimerService
{
    public long NowNanoseconds => EventLoop.NowNanoseconds;

    public IDeviceTimer CreateTimer(Action callback) => new DeviceTimer(loop.CreateTimer(callback));

    private sealed class DeviceTimer(EventLoopTimer timer) : IDeviceTimer
    {
        public void Arm(long deadlineNanoseconds) => timer.Arm(deadlineNanoseconds);

        public void Cancel() => timer.Cancel();
    }
}
