Console.WriteLine("nacelle");
