// An engine's socket that writes down what it hands on, so that bench_bare_client can send the same
// once more.
//
//   bench_recorder SOCKET ENGINE RECORD
//
// Hands every request at the Unix socket SOCKET on to that of ENGINE. Appends a line to the file
// RECORD for each request when it comes in, as bench_sim_server does. Runs until it is killed.

#include <httplib.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>

#include "reconciler/json.h"

namespace {

using fairlead::Json;

constexpr std::size_t threads = 32;  // a connection holds one, and so does an event stream
constexpr std::chrono::hours patience{1};

class Recorder {
 public:
  Recorder(std::string engine, const std::string& record)
      : engine_(std::move(engine)), record_(record, std::ios::app) {}

  void serve(const httplib::Request& request, httplib::Response& response) {
    write_down(request);
    if (request.path.find("/events") != request.path.npos) return stream(request, response);
    httplib::Client client = connect();
    const httplib::Result result = client.send(handed_on(request));
    response.status = result ? result->status : 502;
    if (result) response.set_content(result->body, "application/json");
  }

 private:
  void write_down(const httplib::Request& request) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::string line = Json::object({{"at", std::chrono::duration<double>(now).count()},
                                           {"method", request.method},
                                           {"path", request.target},
                                           {"body", request.body}})
                                 .dump();
    const std::lock_guard lock(mutex_);
    record_ << line << std::endl;
  }

  httplib::Client connect() const {
    httplib::Client client(engine_);
    client.set_address_family(AF_UNIX);
    client.set_url_encode(false);
    client.set_read_timeout(patience);
    client.set_default_headers({{"Host", "localhost"}});
    return client;
  }

  static httplib::Request handed_on(const httplib::Request& request) {
    httplib::Request made;
    made.method = request.method;
    made.path = request.target;
    made.body = request.body;
    if (!made.body.empty()) made.set_header("Content-Type", "application/json");
    return made;
  }

  void stream(const httplib::Request& request, httplib::Response& response) const {
    response.set_chunked_content_provider(
        "application/json", [this, target = request.target](std::size_t, httplib::DataSink& sink) {
          httplib::Client client = connect();
          client.Get(target,
                     [&](const char* data, std::size_t size) { return sink.write(data, size); });
          return false;
        });
  }

  const std::string engine_;
  std::mutex mutex_;
  std::ofstream record_;  // under mutex_
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_recorder SOCKET ENGINE RECORD\n");
    return 1;
  }
  Recorder recorder(argv[2], argv[3]);
  httplib::Server server;
  server.set_address_family(AF_UNIX);
  server.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  server.set_keep_alive_timeout(600);
  const auto handler = [&](const httplib::Request& request, httplib::Response& response) {
    recorder.serve(request, response);
  };
  server.Get(".*", handler);
  server.Post(".*", handler);
  server.Delete(".*", handler);
  // The port is unused, but must not be 0.
  return server.listen(argv[1], 80) ? 0 : 1;
}
