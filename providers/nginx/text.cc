#include "providers/nginx/text.h"

#include "reconciler/url.h"

namespace fairlead::nginx {
namespace {

// From which version on there is HTTP/2 at all, and as a directive of its own.
constexpr Version http2_option{1, 9, 5};
constexpr Version http2_directive{1, 25, 1};

void write_listen(Writer& writer, const Platform::Edge& edge, int in_container, int on_host,
                  const std::string& options) {
  if (edge.mode == Platform::Edge::Mode::managed) {
    writer.line("listen " + std::to_string(in_container) + options);
    return;
  }
  const std::string port = ":" + std::to_string(on_host);
  // One socket for both kinds would tell IPv4 addresses as "::ffff:192.0.2.7".
  if (edge.address == "::") writer.line("listen 0.0.0.0" + port + options);
  writer.line("listen " + host_in_url(edge.address) + port + options);
}

}  // namespace

void write_listen_http(Writer& writer, const Platform::Edge& edge, const std::string& options) {
  write_listen(writer, edge, 80, edge.http_port, options);
}

void write_listen_https(Writer& writer, const Platform::Edge& edge, Version version,
                        const std::string& options) {
  const bool directive = version >= http2_directive;
  const bool option = !directive && version >= http2_option;
  write_listen(writer, edge, 443, edge.https_port, (option ? " ssl http2" : " ssl") + options);
  if (directive) writer.line("http2 on");
}

void write_challenges(Writer& writer, const Platform& platform) {
  const bool managed = platform.edge.mode == Platform::Edge::Mode::managed;
  const std::string folder = managed ? folder_in_container : platform.folders.edge;
  writer.begin("location ^~ /.well-known/acme-challenge/");
  writer.line("root " + folder + "/challenges");
  writer.line("default_type text/plain");
  writer.end();
}

}  // namespace fairlead::nginx
