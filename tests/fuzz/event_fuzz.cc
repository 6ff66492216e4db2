#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "providers/docker/decode.h"
#include "reconciler/live/line_splitter.h"

// A libFuzzer target for the engine's event stream: the first byte says in what pieces the rest
// comes. Besides crashes it looks for lines that depend on how the stream is cut, and for hints
// that name what no line said.
namespace {

using fairlead::live::LineSplitter;

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> lines_of(std::string_view text, std::size_t piece) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string line) { lines.push_back(std::move(line)); },
                        [&] { lines.emplace_back(); });
  while (!text.empty()) {
    splitter.feed(text.substr(0, piece));
    text.remove_prefix(std::min(text.size(), piece));
  }
  splitter.finish();
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const fairlead::Keys keys("0123456789abcdef", fairlead::Secret(std::string(32, 'k')));
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<std::string> lines = lines_of(text, data[0] + 1u);
  require(lines == lines_of(text, text.size() + 1));
  for (const std::string& line : lines) {
    require(line.size() <= LineSplitter::line_max && line.find('\n') == line.npos);
    const fairlead::Hint hint = fairlead::docker::decode_event(keys, line);
    require(hint.app.size() <= line.size() && hint.object.size() <= line.size());
    require(hint.image.size() <= line.size());
  }
  return 0;
}
