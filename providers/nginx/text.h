#pragma once

#include <string>

#include "providers/nginx/render.h"

// What both parts of the renderer write alike: indented lines, listening sockets, the place of
// challenges. Pure.
namespace fairlead::nginx {

// Directives, one a line, indented by their block.
class Writer {
 public:
  void line(const std::string& directive) { text_ += indent() + directive + ";\n"; }
  void begin(const std::string& block) {
    text_ += indent() + block + " {\n";
    ++depth_;
  }
  void end() {
    --depth_;
    text_ += indent() + "}\n";
  }
  const std::string& text() const { return text_; }

 private:
  std::string indent() const { return std::string(2 * static_cast<std::size_t>(depth_), ' '); }

  std::string text_;
  int depth_ = 0;
};

// From this version on HTTP/2 is a directive of its own.
inline constexpr Version http2_directive{1, 25, 1};

// What follows `listen`: in a container all of it, on the host its address.
std::string listen_http(const Platform::Edge& edge);
std::string listen_https(const Platform::Edge& edge, Version version);

// Serves what an ACME client has put into challenges/.
void write_challenges(Writer& writer, const Platform& platform);

}  // namespace fairlead::nginx
