#include "tests/sim/conformance.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <chrono>
#include <thread>

#include "tests/live/busybox_image.h"

// The same table as the simulated engine's on a real one: DOCKER_HOST, by default
// unix:///var/run/docker.sock.
namespace fairlead::sim {
namespace {

using std::chrono::seconds;
using testing::busybox_archive;
using testing::environment;

class LiveTarget : public ConformanceTarget {
 public:
  explicit LiveTarget(const std::string& socket) : client_(socket) {
    client_.set_address_family(AF_UNIX);
    client_.set_read_timeout(60);
    HttpCall version;
    version.path = "/version";
    const Answer answer = call(version);
    REQUIRE_MESSAGE(answer.status == 200, "no engine answers at " << socket << answer.error);
    newer_ = Json::parse(answer.body).value()["ApiVersion"].as_string() >= "1.44";
    import(conformance_image, "");
    import(conformance_labelled,
           "&changes=LABEL%20inherited=image&changes=ENV%20A=image&changes="
           "CMD%20%5B%22sleep%22,%221000%22%5D&changes=HEALTHCHECK%20--interval=1s%20CMD%20true");
  }

  Dialect dialect() const override { return newer_ ? Dialect::api_1_45 : Dialect::api_1_41; }
  Answer call(const HttpCall& call) override {
    httplib::Request request;
    request.method = call.method;
    request.path = call.path;
    request.headers = {{"Host", "engine"}};
    if (!call.body.empty()) request.headers.emplace("Content-Type", "application/json");
    for (const auto& [name, value] : call.headers) {
      request.headers.erase(name);
      request.headers.emplace(name, value);
    }
    request.body = call.body;
    const httplib::Result result = client_.send(request);
    if (!result) return {0, "", httplib::to_string(result.error())};
    return {result->status, result->body, ""};
  }
  void pass(Duration time) override { std::this_thread::sleep_for(time); }
  Duration wall() const override { return std::chrono::system_clock::now().time_since_epoch(); }
  std::vector<std::string> events_since(Duration since) override {
    const auto stamp = [](Duration wall) {
      return std::to_string(wall / seconds(1)) + "." +
             std::to_string(1'000'000'000 + wall.count() % 1'000'000'000).substr(1);
    };
    HttpCall call_events;
    call_events.path = "/events?since=" + stamp(since) + "&until=" + stamp(wall());
    const std::string body = call(call_events).body;
    std::vector<std::string> lines;
    for (std::size_t from = 0; from < body.size();) {
      const std::size_t end = std::min(body.find('\n', from), body.size());
      if (end > from) lines.push_back(body.substr(from, end - from));
      from = end + 1;
    }
    return lines;
  }

 private:
  void import(std::string_view ref, const std::string& changes) {
    HttpCall look;
    look.path = "/images/" + std::string(ref) + "/json";
    if (call(look).status == 200) return;
    const std::size_t colon = ref.rfind(':');
    HttpCall import;
    import.method = "POST";
    import.path = "/images/create?fromSrc=-&repo=" + std::string(ref.substr(0, colon)) +
                  "&tag=" + std::string(ref.substr(colon + 1)) + changes;
    import.headers = {{ "Content-Type", "application/x-tar" }};
    import.body = busybox_archive();
    const Answer answer = call(import);
    REQUIRE_MESSAGE(answer.status == 200, answer.body << answer.error);
  }

  httplib::Client client_;
  bool newer_ = false;
};

TEST_CASE("a real engine does what the conformance table says") {
  const std::string address = environment("DOCKER_HOST", "unix:///var/run/docker.sock");
  REQUIRE(address.starts_with("unix://"));
  LiveTarget target(address.substr(7));
  for (const ConformanceRow& row : conformance_table()) {
    const std::vector<std::string> failures = run_conformance(target, row);
    CHECK_MESSAGE(failures.empty(), row.name << "\n" << join(failures, "\n"));
  }
}

}  // namespace
}  // namespace fairlead::sim
