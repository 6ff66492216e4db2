#pragma once

#include <string>

#include "providers/docker/seen.h"
#include "providers/docker/specs.h"

// The ports of the host that a container is published at: whether another program listens there,
// which the engine says only when the container is started, and what its port was made for is
// stopped by then. Pure.
namespace fairlead::docker {

// Whether the engine is on this host, so that its ports are the engine's.
bool is_local(const Platform& platform);

// Why no container can be made of `spec` now ("port 22 of the host is in use by another program;
// …"); empty: nothing is known to speak against it. What containers of the app itself hold counts
// as free: they make room.
std::string port_in_use(const ContainerSpec& spec, const SeenApp& seen);

// Of a create request: HostConfig.PortBindings as fairlead makes them, and nowhere that the
// platform file does not allow. Errors: invalid, without a place.
Result<void> check_ports(const Json& bindings, const std::string& app, const Platform& platform);

}  // namespace fairlead::docker
