// Colorize a photograph with an `image` model: pixels in, pixels out, nothing else to compute.
// Not run by the tests of this project, which has no .NET.
//
//   toolkit export --format onnx:image --out exports/image
//   dotnet run --project examples/csharp -- exports/image/default-image.onnx photo.jpg coloured.png
using Microsoft.ML.OnnxRuntime;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

if (args.Length != 3)
{
    Console.Error.WriteLine("usage: colorize MODEL.onnx PHOTO RESULT");
    return 2;
}
if (File.Exists(args[2]))
{
    Console.Error.WriteLine($"error: {args[2]}: exists and is not replaced");
    return 8;
}

Environment.SetEnvironmentVariable("ORT_DISABLE_TELEMETRY", "1");
using var photo = Image.Load<Rgb24>(args[1]);
photo.Mutate(context => context.AutoOrient());
var pixels = new byte[photo.Width * photo.Height * 3];
photo.CopyPixelDataTo(pixels);

using var options = new SessionOptions { EnableCpuMemArena = false };
using var session = new InferenceSession(args[0], options);
long[] shape = [1, photo.Height, photo.Width, 3];
using var given = OrtValue.CreateTensorValueFromMemory(pixels, shape);
using var run = new RunOptions();
using var results = session.Run(run, ["photo"], [given], ["colours"]);

var colours = results[0].GetTensorDataAsSpan<byte>();
using var coloured = Image.LoadPixelData<Rgb24>(colours, photo.Width, photo.Height);
coloured.Save(args[2]);
return 0;
