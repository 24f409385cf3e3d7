using static Nacelle.Configuration.TextTypes;

namespace Nacelle.Configuration;

/// <summary>Controllers.</summary>
internal static class ControllerShapes
{
    internal static XmlShape<ControllerConfiguration> Controller { get; } = new XmlShape<ControllerConfiguration>()
        .Attribute("type", ConfigurationWords.ControllerType, controller => controller.Type, (controller, value) => controller with { Type = value }, required: true)
        .Attribute("index", Number(), controller => controller.Index, (controller, value) => controller with { Index = value })
        .Attribute("model", Text, controller => controller.Model, (controller, value) => controller with { Model = value })
        .Attribute("ports", Number(), controller => controller.Ports, (controller, value) => controller with { Ports = value })
        .Attribute("vectors", Number(), controller => controller.Vectors, (controller, value) => controller with { Vectors = value })
        .Attribute("maxGrantFrames", Number(), controller => controller.MaximumGrantFrames, (controller, value) => controller with { MaximumGrantFrames = value })
        .Attribute("maxEventChannels", Number(), controller => controller.MaximumEventChannels, (controller, value) => controller with { MaximumEventChannels = value })
        .Child("driver", () => Driver!, () => new ControllerDriverConfiguration(), controller => controller.Driver, (controller, value) => controller with { Driver = value })
        .Group("master", group => group
            .Attribute("startport", Number(), controller => controller.MasterStartPort, (controller, value) => controller with { MasterStartPort = value }))
        .Size("pcihole64", controller => controller.PciHole64, (controller, value) => controller with { PciHole64 = value })
        .Group("model", group => group
            .Attribute("name", Text, controller => controller.ModelName, (controller, value) => controller with { ModelName = value }))
        .Group("target", group => group
            .Attribute("chassisNr", Number(0, 255), controller => controller.ChassisNumber, (controller, value) => controller with { ChassisNumber = value })
            .Attribute("chassis", Number(0, 255), controller => controller.Chassis, (controller, value) => controller with { Chassis = value })
            .Attribute("port", Hexadecimal(1, 255), controller => controller.Port, (controller, value) => controller with { Port = value })
            .Attribute("busNr", Number(0, 255), controller => controller.BusNumber, (controller, value) => controller with { BusNumber = value })
            .Attribute("index", Number(), controller => controller.TargetIndex, (controller, value) => controller with { TargetIndex = value })
            .Attribute("hotplug", OnOff, controller => controller.HotPlug, (controller, value) => controller with { HotPlug = value })
            .Element("node", Number(), controller => controller.Node, (controller, value) => controller with { Node = value }))
        .Device();

    private static XmlShape<ControllerDriverConfiguration> Driver { get; } = new XmlShape<ControllerDriverConfiguration>()
        .Attribute("queues", Number(1), driver => driver.Queues, (driver, value) => driver with { Queues = value })
        .Attribute("cmd_per_lun", Number(1), driver => driver.CommandsPerUnit, (driver, value) => driver with { CommandsPerUnit = value })
        .Attribute("max_sectors", Number(1), driver => driver.MaximumSectors, (driver, value) => driver with { MaximumSectors = value })
        .Attribute("ioeventfd", OnOff, driver => driver.IoEventFd, (driver, value) => driver with { IoEventFd = value })
        .Attribute("iothread", Number(1), driver => driver.IoThread, (driver, value) => driver with { IoThread = value })
        .VirtioDriver()
        .List("iothreads", "iothread", () => DiskShapes.IoThread, () => new DiskIoThreadConfiguration(), driver => driver.IoThreads, (driver, value) => driver with { IoThreads = value });
}
