#include "providers/nginx/text.h"

#include "reconciler/url.h"

namespace fairlead::nginx {
namespace {

std::string listen(const Platform::Edge& edge, int in_container, int on_host) {
  if (edge.mode == Platform::Edge::Mode::managed) return "listen " + std::to_string(in_container);
  return "listen " + host_in_url(edge.address) + ":" + std::to_string(on_host);
}

}  // namespace

std::string listen_http(const Platform::Edge& edge) { return listen(edge, 80, edge.http_port); }

std::string listen_https(const Platform::Edge& edge, Version version) {
  return listen(edge, 443, edge.https_port) + (version < http2_directive ? " ssl http2" : " ssl");
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
