// Colorize a photograph with Core ML and Vision: a picture in, a picture out.
// Not run by the tests of this project, which has no Mac. macOS 13 or later.
//
//   toolkit export --format coreml:image:512 --out exports/image
//   swiftc -O colorize.swift -o colorize
//   ./colorize exports/image/default-image-512.mlpackage photo.jpg coloured.png
//
// The model sees a square. Its colours go back over the photograph at full size, whose light stays:
// that is what the blend mode "color" does.
import CoreImage
import CoreML
import Foundation
import Vision

func fail(_ message: String, _ code: Int32) -> Never {
    FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    exit(code)
}

let words = CommandLine.arguments
guard words.count == 4 else { fail("usage: colorize MODEL.mlpackage PHOTO RESULT.png", 2) }
let result = URL(fileURLWithPath: words[3])
if FileManager.default.fileExists(atPath: result.path) {
    fail("\(words[3]): exists and is not replaced", 8)
}
let upright = [CIImageOption.applyOrientationProperty: true]
guard let photo = CIImage(contentsOf: URL(fileURLWithPath: words[2]), options: upright) else {
    fail("\(words[2]): not a picture", 4)
}

do {
    let configuration = MLModelConfiguration()
    configuration.computeUnits = .all  // the network runs on the Neural Engine, the rest beside it
    let compiled = try MLModel.compileModel(at: URL(fileURLWithPath: words[1]))
    let model = try MLModel(contentsOf: compiled, configuration: configuration)
    let request = VNCoreMLRequest(model: try VNCoreMLModel(for: model))
    request.imageCropAndScaleOption = .scaleFill  // the whole photograph, squeezed into the square
    try VNImageRequestHandler(ciImage: photo).perform([request])
    guard let observation = request.results?.first as? VNPixelBufferObservation else {
        fail("\(words[1]): gives no picture", 7)
    }

    let colours = CIImage(cvPixelBuffer: observation.pixelBuffer)
    let stretched = colours.transformed(
        by: CGAffineTransform(
            scaleX: photo.extent.width / colours.extent.width,
            y: photo.extent.height / colours.extent.height))
    let coloured = stretched.applyingFilter(
        "CIColorBlendMode", parameters: [kCIInputBackgroundImageKey: photo])
    let space = CGColorSpace(name: CGColorSpace.sRGB)!
    try CIContext().writePNGRepresentation(
        of: coloured.cropped(to: photo.extent), to: result, format: .RGBA8, colorSpace: space)
    print(words[3])
} catch {
    fail("\(words[2]): \(error.localizedDescription)", 1)
}
