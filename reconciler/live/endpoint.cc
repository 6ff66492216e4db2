#include "reconciler/live/endpoint.h"

#include <charconv>

namespace fairlead::live {

namespace {

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// "host:80", "[::1]:80"; no port is 0.
bool split_port(const std::string& address, std::string& host, int& port) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const char* end = address.data() + address.size();
  const auto [rest, error] = std::from_chars(address.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end || port < 1 || port > 65535) return false;
  host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return true;
}

}  // namespace

std::string Endpoint::text() const {
  if (kind == Kind::unix_socket) return "unix://" + host;
  return (kind == Kind::tls ? "tcp+tls://" : "tcp://") + host + ":" + std::to_string(port);
}

Result<Endpoint> engine_endpoint(const Platform::Engine& engine) {
  Endpoint endpoint;
  if (starts_with(engine.host, "unix:///")) {
    endpoint.host = engine.host.substr(7);
    return endpoint;
  }
  endpoint.kind = engine.certificates.empty() ? Endpoint::Kind::tcp : Endpoint::Kind::tls;
  endpoint.certificates = engine.certificates;
  if (starts_with(engine.host, "tcp://") &&
      split_port(engine.host.substr(6), endpoint.host, endpoint.port))
    return endpoint;
  return Error{Code::invalid,
               "engine.host: must be unix:///PATH or tcp://HOST:PORT, got " + engine.host, ""};
}

Result<Endpoint> service_endpoint(const std::string& address, const std::optional<Tls>& tls) {
  Endpoint endpoint;
  endpoint.kind = tls ? Endpoint::Kind::tls : Endpoint::Kind::tcp;
  if (tls) endpoint.ca_file = tls->ca_file;
  if (split_port(address, endpoint.host, endpoint.port)) return endpoint;
  return Error{Code::internal, "not ADDRESS:PORT: " + address, ""};
}

}  // namespace fairlead::live
