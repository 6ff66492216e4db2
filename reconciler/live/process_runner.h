#pragma once

#include <chrono>
#include <string>

#include "reconciler/live/file_io.h"
#include "reconciler/live/http_client.h"
#include "reconciler/world.h"

// Runs programs to their end, blocking, from any thread: in containers over the engine's exec, on
// the host as children of their own process group, without a shell, without our descriptors and
// with nothing to read. A name without "/" is looked for in the system's folders, not in PATH.
// Invariants: (1) with `read_only` no program that writes is started; (2) one on the host is gone
// when its call returns: at the deadline and at stop() it gets SIGTERM, and half a second later
// SIGKILL with its whole group; (3) one in a container goes on when its call has ended without an
// answer, as the engine cannot end it.
namespace fairlead::live {

class ProcessRunner {
 public:
  // `http` must outlive this, and is stopped by its owner.
  ProcessRunner(HttpClient& http, bool read_only);
  ProcessRunner(const ProcessRunner&) = delete;
  ProcessRunner& operator=(const ProcessRunner&) = delete;

  Answer call(const ProcessCall& call) const;

  // Ends every program on the host; later ones are not started.
  void stop() const;

 private:
  Answer in_container(const ProcessCall& call) const;
  Answer ended_in_container(const std::string& exec, std::string output,
                            std::chrono::steady_clock::time_point deadline) const;
  Answer ask(const std::string& method, const std::string& path, std::string body,
             std::chrono::steady_clock::time_point deadline) const;

  HttpClient& http_;
  const bool read_only_;
  const UniqueFd stop_;  // an eventfd: readable after stop()
};

}  // namespace fairlead::live
