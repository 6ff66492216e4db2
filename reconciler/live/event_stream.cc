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
  close();
  thread_.join();
}

void EventStream::close() {
  closing_ = true;
  if (connection_.ok()) http_.cancel(**connection_);
}

void EventStream::run() {
  std::string why;
  if (!connection_) {
    why = connection_.error().message;
  } else {
    const auto opened = [this] {
      // close() may have come before there was anything to cancel.
      if (closing_) http_.cancel(**connection_);
      callbacks_.opened();
    };
    why = closing_ ? "" : http_.stream(**connection_, call_, opened, callbacks_.line);
  }
  callbacks_.closed(closing_ ? "unsubscribed" : why);
}

}  // namespace fairlead::live
