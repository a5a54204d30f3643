// Colorize a photograph with an `image` model: pixels in, pixels out, nothing else to compute.
//
//   toolkit export --format onnx:image --out exports/image
//   c++ -std=c++17 -O2 colorize.cpp -I ORT/include -L ORT/lib -lonnxruntime -o colorize
//   ./colorize exports/image/default-image.onnx photo.ppm coloured.ppm
//
// ORT is onnxruntime 1.20 or later, unpacked; on Debian 13: `apt install libonnxruntime-dev` and
// -I /usr/include/onnxruntime. It reads and writes PPM (P6, one byte a channel), so that it needs no
// library for pictures: `magick photo.jpg -auto-orient photo.ppm` makes one.
#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

struct Picture {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // red, green, blue; row by row
};

Picture read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  int levels = 0;
  Picture picture;
  file >> kind >> picture.width >> picture.height >> levels;
  file.get();  // one white space ends the header
  const bool sane = picture.width > 0 && picture.height > 0 && picture.width < 65536 &&
                    picture.height < 65536 && picture.width * picture.height <= 200'000'000;
  if (!file || kind != "P6" || levels != 255 || !sane)
    throw std::runtime_error(path + ": not a PPM picture (P6, 255 levels)");
  picture.pixels.resize(static_cast<std::size_t>(picture.width * picture.height * 3));
  if (!file.read(reinterpret_cast<char*>(picture.pixels.data()), picture.pixels.size()))
    throw std::runtime_error(path + ": the picture ends too early");
  return picture;
}

void write(const std::string& path, const Picture& like, const std::uint8_t* pixels) {
  if (std::filesystem::exists(path)) throw std::runtime_error(path + ": exists and is not replaced");
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << like.width << " " << like.height << "\n255\n";
  file.write(reinterpret_cast<const char*>(pixels), like.pixels.size());
  if (!file.flush()) throw std::runtime_error(path + ": cannot be written");
}

int main(int count, char** words) {
  if (count != 4) {
    std::cerr << "usage: colorize MODEL.onnx PHOTO.ppm RESULT.ppm\n";
    return 2;
  }
  try {
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);  // POSIX; on Windows: env.DisableTelemetryEvents()
    Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "colorize");
    Ort::SessionOptions options;
    options.DisableCpuMemArena();
    Ort::Session session(env, words[1], options);

    Picture photo = read(words[2]);
    const std::int64_t shape[] = {1, photo.height, photo.width, 3};
    auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    auto given = Ort::Value::CreateTensor<std::uint8_t>(memory, photo.pixels.data(),
                                                        photo.pixels.size(), shape, 4);
    const char* inputs[] = {"photo"};
    const char* outputs[] = {"colours"};
    auto results = session.Run(Ort::RunOptions{}, inputs, &given, 1, outputs, 1);
    write(words[3], photo, results[0].GetTensorData<std::uint8_t>());
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
