#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "reconciler/live/container_shell.h"
#include "reconciler/live/file_io.h"
#include "reconciler/live/http_client.h"
#include "reconciler/world.h"

// Runs programs to their end, blocking, from any thread: in containers over the engine's exec, on
// the host as children of their own process group, without a shell, without our descriptors and
// with nothing to read. A name without "/" is looked for in the system's folders, not in PATH.
// Those in containers that only read go through a shell that is kept there, which is ten times as
// quick, where the image has one and the engine is on a Unix socket; where not, and where it is
// lost, over an exec each.
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

  Answer call(const ProcessCall& call);

  // Ends every program on the host; later ones are not started.
  void stop() const;

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  Answer in_container(const ProcessCall& call);
  std::optional<Answer> in_shell(const ProcessCall& call, Deadline deadline);
  std::optional<ContainerShell> take_shell(const std::string& container);
  bool may_have_shell(const std::string& container);
  std::optional<ContainerShell> start_shell(const std::string& container, const Answer& made,
                                            Deadline deadline);
  Answer by_exec(const ProcessCall& call, Deadline deadline) const;
  Answer ended_in_container(const std::string& exec, std::string output, Deadline deadline) const;
  Answer ask(const std::string& method, const std::string& path, std::string body,
             Deadline deadline) const;

  HttpClient& http_;
  const bool read_only_;
  const UniqueFd stop_;  // an eventfd: readable after stop()
  std::mutex mutex_;
  std::map<std::string, ContainerShell> shells_;  // by container: nobody uses them now
  std::set<std::string> without_shell_;           // containers
};

}  // namespace fairlead::live
