#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "reconciler/live/call_pool.h"
#include "reconciler/live/folder.h"
#include "reconciler/world.h"

namespace boost::asio {
class io_context;
}

// Tells when the manifest folder, secret or certificate files have changed. Lives on the loop's
// thread; folders are read on the pool. A burst of changes settles before it is read. Where the
// system gives no (more) watches, and beside them at a slow rate, it polls. Invariants: (1) the
// first reading is handed on whatever it is, each later one only when it differs from the one
// before; (2) after destruction nothing is called any more; the context and the pool must live
// longer than the readings under way.
namespace fairlead::live {

class Watcher {
 public:
  struct Options {
    FolderReader::Folders folders;
    bool watch = true;  // false: one reading and no more
    std::chrono::milliseconds quiet{100};
    std::chrono::milliseconds settle_max{1000};
    std::chrono::milliseconds poll_beside{
        30'000};  // for what inotify does not tell: mounts, network disks
    std::chrono::milliseconds poll_alone{5'000};
    std::chrono::milliseconds patience{60'000};  // with a file that somebody still writes
  };
  using Changed = std::function<void(std::shared_ptr<const FolderReading>)>;
  using Warn = std::function<void(std::string message)>;

  Watcher(boost::asio::io_context& io, CallPool& pool, Options options, Changed changed, Warn warn);
  ~Watcher();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairlead::live
