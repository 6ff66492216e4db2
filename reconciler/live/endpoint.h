#pragma once

#include <optional>
#include <string>

#include "reconciler/call.h"
#include "reconciler/platform.h"
#include "reconciler/result.h"

// Where a connection goes, and how: a Unix socket, TCP, or TLS. The engine's TLS has client
// certificates, a service's has none; both check the server's name. Plain values.
namespace fairlead::live {

struct Endpoint {
  enum class Kind { unix_socket, tcp, tls };
  Kind kind = Kind::unix_socket;
  std::string host;  // the socket's path, or the host
  int port = 80;
  std::string certificates;  // of the engine: folder with ca.pem, cert.pem, key.pem
  std::string ca_file;       // of a service; empty: the system's authorities
  bool public_only = false;  // addresses of the internet alone are connected to

  bool operator==(const Endpoint&) const = default;
  std::string text() const;  // "unix:///var/run/docker.sock", "tcp+tls://host:2376"
};

// "unix:///var/run/docker.sock", "tcp://host:2376" → Endpoint. Errors: invalid, with the accepted
// forms.
Result<Endpoint> engine_endpoint(const Platform::Engine& engine);
// "10.213.0.2:8080", "[fd00::2]:80" → Endpoint of a container or a service.
Result<Endpoint> service_endpoint(const std::string& address,
                                  const std::optional<Tls>& tls = std::nullopt);

}  // namespace fairlead::live
