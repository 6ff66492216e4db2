#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "reconciler/app.h"
#include "reconciler/platform.h"

// A libFuzzer target for everything between the bytes of a file and the typed manifest. Besides
// crashes it looks for apps that are accepted in spite of an error of their own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = fairlead::parse_manifest("fuzz.yml", text);
  for (const auto& app : manifest.apps) {
    if (app.app && (!app.errors.empty() || app.app->name != app.name || app.name.empty())) {
      std::abort();
    }
  }
  for (const auto& error : manifest.errors) {
    if (error.text().find('\n') != std::string::npos) std::abort();
  }
  fairlead::parse_platform("fuzz.yml", text);
  return 0;
}
