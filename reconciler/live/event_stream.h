#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "reconciler/live/http_client.h"

// One open Subscribe: a thread that drains the engine's stream and does nothing else, because the
// engine drops events for slow readers without a word. The callbacks run on that thread; `closed`
// is the last one. Owned by the live world; the destructor ends the stream and waits for the
// thread.
namespace fairlead::live {

class EventStream {
 public:
  struct Callbacks {
    std::function<void()> opened;
    std::function<void(std::string line)> line;
    std::function<void()> skipped;  // a line that was too long
    std::function<void(std::string why)> closed;
  };

  EventStream(HttpClient& http, HttpCall call, Callbacks callbacks);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // `closed` follows soon, with this reason.
  void close(const char* why);

 private:
  void run();

  HttpClient& http_;
  const HttpCall call_;
  const Callbacks callbacks_;
  Result<std::unique_ptr<Connection>> connection_;
  std::atomic<const char*> closing_{nullptr};  // why, once it is closing
  std::thread thread_;
};

}  // namespace fairlead::live
