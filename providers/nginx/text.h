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

// Where a server listens: in a container at its own addresses, on the host at the edge's; "::" is
// all of both kinds. `options` are those of a default server.
void write_listen_http(Writer& writer, const Platform::Edge& edge, const std::string& options = "");
void write_listen_https(Writer& writer, const Platform::Edge& edge, Version version,
                        const std::string& options = "");

// Serves what an ACME client has put into challenges/.
void write_challenges(Writer& writer, const Platform& platform);

}  // namespace fairlead::nginx
