#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "providers/docker/seen.h"
#include "providers/provider.h"

// Between the rollout of an app's main process and the edge that sends it requests: who is to be
// sent some, and when one that is sent none may be stopped. Pure. The order that both keep to: a
// new container is ready → it is among the backends → the edge sends requests to it → an old one is
// no backend any more → the edge sends it none → it is drained → it is stopped.
namespace fairlead::docker {

inline constexpr char main_process[] = "web";
// What its containers are to be; null: there is no such process.
std::shared_ptr<const ContainerSpec> main_spec(const Graph& wanted);

// Addresses of the wanted containers that are ready, or were and may soon be again, and of as many
// old ones as are still needed beside those that the edge sends requests to. Where none of all
// these is well, also of those that are ill and run. In order of addresses, so that the same ones
// are the same text.
std::vector<std::string> backends_of(const View& view);

// Whether it stands in for an old one: the edge sends requests to it, or there is no edge.
bool is_sent_requests(const View& view, const SeenContainer& container);

// Why a container that serves may not be stopped yet, and when that is looked at again.
struct Drain {
  std::string wait;  // empty: it may be stopped
  std::optional<Duration> due;
};
Drain drain_of(const View& view, const SeenContainer& container);

}  // namespace fairlead::docker
