#pragma once

#include <optional>

#include "tests/sim/sim_world.h"

// One call on its way from the loop: to the engine, to a container's own server, to a service
// that asks for a login, or of a program run in a container. Shared by the timers that belong to
// it; `over` once it is answered.
namespace fairlead::sim {

struct SimWorld::Flight {
  enum class To { engine, container, service, process };

  std::uint64_t daemon = 0;
  RequestId id = 0;
  To to = To::engine;
  HttpCall call;                       // of the others: endpoint and timeout
  std::optional<SqlCall> sql;          // instead of an HTTP call
  std::optional<ProcessCall> process;  // likewise
  bool connects = false;               // likewise: only whether the endpoint accepts
  bool writes = false;
  Fault fault = Fault::none;
  std::size_t trace = 0;
  std::optional<std::uint64_t> write;
  Ticket ticket = 0;
  Duration last_line{0};  // of a call with progress: when it last said something
  Duration last_progress{-std::chrono::seconds(10)};
  bool over = false;
};

}  // namespace fairlead::sim
