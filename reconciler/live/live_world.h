#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "reconciler/result.h"
#include "reconciler/world.h"

// The real World: sockets, files, clocks, signals, threads. Made by the program after the state
// folder is open, and used from the loop's thread alone, which runs the event loop inside wait();
// everything that blocks is on other threads and comes back through one inbox. The destructor ends
// every call under way, within a second. Outcomes of calls that were under way then are unknown.
namespace fairlead::live {

struct LiveOptions {
  std::shared_ptr<const Platform> platform = std::make_shared<Platform>();
  std::string platform_path = "/etc/fairlead/fairlead.yml";  // read again on SIGHUP
  bool read_only = false;                                    // no writing request can leave
  bool watch = true;  // false: the manifests are read once, at start
  bool control_socket = true;
  bool signals = true;     // SIGTERM, SIGINT → Stop; SIGHUP
  std::string log_format;  // "text" or "json"; empty: as the platform file says
  std::chrono::milliseconds poll_beside{30'000};  // beside inotify
  std::chrono::milliseconds poll_alone{5'000};    // where there is no inotify
};

class LiveWorld final : public World {
 public:
  // Errors: those of the control socket; invalid for an engine address.
  static Result<std::unique_ptr<LiveWorld>> open(LiveOptions options);
  ~LiveWorld() override;

  Instant now() override;
  void submit(Request request) override;
  Event wait(Duration deadline) override;

 private:
  class Impl;
  explicit LiveWorld(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairlead::live
