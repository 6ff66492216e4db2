#pragma once

#include <vector>

#include "providers/provider.h"

// Whether visitors find the edge at the ports of the host: what leads them in is the engine's, and
// may be gone while nginx is well (a proxy that ran out of files). Asked by connecting to those
// ports, as anybody on this host would. Of a managed edge on this host's engine alone: on the host
// nginx itself listens. Pure.
namespace fairlead::nginx {

// None where nothing of the edge runs.
std::vector<Probe> outside_probes(const View& view);
// Degraded, where a port has not answered several times in a row. Nothing is restarted for it: who
// comes over IPv4 from elsewhere is led in without that proxy, and would be cut off.
void judge_outside(const View& view, Report& report);

}  // namespace fairlead::nginx
