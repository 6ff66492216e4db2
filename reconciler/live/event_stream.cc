#include "reconciler/live/event_stream.h"

#include <utility>

namespace fairlead::live {

EventStream::EventStream(HttpClient& http, HttpCall call, Callbacks callbacks)
    : http_(http),
      call_(std::move(call)),
      callbacks_(std::move(callbacks)),
      connection_(http.connect_engine()),
      thread_([this] { run(); }) {}

EventStream::~EventStream() {
  close("fairlead is ending");
  thread_.join();
}

void EventStream::close(const char* why) {
  const char* open = nullptr;
  closing_.compare_exchange_strong(open, why);
  if (connection_.ok()) http_.cancel(**connection_);
}

void EventStream::run() {
  std::string why;
  if (!connection_) {
    why = connection_.error().message;
  } else {
    const auto opened = [this] {
      // close() may have come before there was anything to cancel.
      if (closing_ != nullptr) http_.cancel(**connection_);
      callbacks_.opened();
    };
    if (closing_ == nullptr)
      why = http_.stream(**connection_, call_, {opened, callbacks_.line, callbacks_.skipped});
  }
  const char* closing = closing_;
  callbacks_.closed(closing != nullptr ? closing : why);
}

}  // namespace fairlead::live
