// The simulated engine behind a real Unix socket, in real time: what the figures of a host with
// 1,000 apps are measured on.
//
//   bench_sim_server SOCKET IMAGE RECORD
//
// Has the image IMAGE. Appends a line to the file RECORD for each request when it comes in:
// {"at": seconds since 1970, "method", "path", "body"}. Runs until it is killed.

#include <httplib.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/sim/sim_engine.h"

namespace {

using namespace fairlead;
using namespace fairlead::sim;

// Each connection that a client keeps open holds a thread, and so does each event stream.
constexpr std::size_t threads = 128;
constexpr std::chrono::milliseconds heartbeat{500};  // a stream looks whether its client is gone

Instant real_now() {
  return {std::chrono::steady_clock::now().time_since_epoch(),
          std::chrono::system_clock::now().time_since_epoch()};
}

class SimServer {
 public:
  SimServer(const std::string& image, const std::string& record)
      : engine_(Dialect::api_1_41), record_(record, std::ios::app) {
    engine_.advance(real_now());
    SimImage made;
    made.ref = image;
    made.cmd = {"serve"};
    engine_.add_image(std::move(made));
    ticker_ = std::jthread([this](const std::stop_token& stop) { tick(stop); });
  }

  void serve(const httplib::Request& request, httplib::Response& response) {
    HttpCall call;
    call.method = request.method;
    call.path = request.target;
    call.body = request.body;
    record(call);
    if (request.method == "GET" && parse_target(call.path).part(0) == "events") {
      return stream(call, response);
    }
    const Answer answer = ask(call);
    response.status = answer.status;
    response.set_content(answer.body, "application/json");
  }

 private:
  struct Stream {
    Filters filters;
    std::string lines;  // not sent yet
  };

  void record(const HttpCall& call) {
    const double at = std::chrono::duration<double>(real_now().wall).count();
    const std::string line =
        Json::object(
            {{"at", at}, {"method", call.method}, {"path", call.path}, {"body", call.body}})
            .dump();
    const std::lock_guard lock(mutex_);
    record_ << line << std::endl;
  }

  Answer ask(const HttpCall& call) {
    std::unique_lock lock(mutex_);
    const Ticket ticket = engine_.begin(call, real_now());
    publish();
    for (;;) {
      if (auto answer = engine_.take(ticket)) return *answer;
      changed_.wait(lock);
    }
  }

  // The engine's timers, at the time they are due.
  void tick(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      engine_.advance(real_now());
      publish();
      const auto due = engine_.next_due();
      const Duration until = due.value_or(real_now().steady + heartbeat);
      changed_.wait_until(lock, std::chrono::steady_clock::time_point(until));
    }
  }

  // With the lock held: hands the new events to the streams, and wakes who waits for an answer.
  void publish() {
    for (const EngineEvent& event : engine_.take_new_events()) {
      for (Stream& stream : streams_) {
        if (SimEngine::event_matches(stream.filters, event)) stream.lines += event.line + "\n";
      }
    }
    changed_.notify_all();
  }

  void stream(const HttpCall& call, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    Stream made;
    made.filters = parse_filters(parse_target(call.path).word("filters")).value_or(Filters());
    streams_.push_back(std::move(made));
    const auto self = std::prev(streams_.end());
    response.set_chunked_content_provider(
        "application/json",
        [this, self](std::size_t, httplib::DataSink& sink) {
          const std::string lines = next_lines(*self);
          return lines.empty() ? sink.is_writable() : sink.write(lines.data(), lines.size());
        },
        [this, self](bool) {
          const std::lock_guard held(mutex_);
          streams_.erase(self);
        });
  }

  std::string next_lines(Stream& stream) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, heartbeat, [&] { return !stream.lines.empty(); });
    return std::exchange(stream.lines, {});
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  SimEngine engine_;
  std::ofstream record_;
  std::list<Stream> streams_;
  std::jthread ticker_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_sim_server SOCKET IMAGE RECORD\n");
    return 1;
  }
  SimServer engine(argv[2], argv[3]);
  httplib::Server server;
  server.set_address_family(AF_UNIX);
  server.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  server.set_keep_alive_max_count(1'000'000);
  server.set_keep_alive_timeout(600);
  const auto handler = [&](const httplib::Request& request, httplib::Response& response) {
    engine.serve(request, response);
  };
  server.Get(".*", handler);
  server.Post(".*", handler);
  server.Delete(".*", handler);
  // The library lets only 5 connections wait, which is fewer than the engine does: so listen again.
  int listening = -1;
  server.set_socket_options([&](int socket) { listening = socket; });
  const std::jthread longer_queue([&] {
    while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::listen(listening, SOMAXCONN);
  });
  // The port is unused, but must not be 0.
  return server.listen(argv[1], 80) ? 0 : 1;
}
