#include "tests/sim/conformance.h"

#include <doctest/doctest.h>

namespace fairlead::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Program ends(int code, std::vector<std::pair<int, std::string>> log = {}) {
  Program program;
  program.runs_for = milliseconds(10);
  program.exit_code = code;
  program.log = std::move(log);
  return program;
}

Program bad_command() {
  Program program;
  program.start_error = "exec: \"nosuchcmd\": executable file not found in $PATH";
  return program;
}

// What busybox does in the table's rows.
SimImage busybox() {
  SimImage image;
  image.ref = conformance_image;
  image.files["/bin/busybox"] = "a program";
  image.program.term = Program::Term::ignored_without_init;
  image.programs["sh -c trap 'exit 0' TERM; sleep 1000 & wait"].term_exit_code = 0;
  image.programs["sh -c echo out; exit 3"] = ends(3, {{1, "out"}});
  image.programs["false"] = ends(1);
  image.programs["true"] = ends(0);
  image.programs["nosuchcmd"] = bad_command();
  Program changing = image.program;
  changing.healthy_after = seconds(2);
  changing.unhealthy_after = seconds(5);
  image.programs["sh -c sleep 2; echo ok > /h; sleep 3; rm /h; sleep 1000"] = changing;
  return image;
}

class SimTarget : public ConformanceTarget {
 public:
  explicit SimTarget(Dialect dialect) : engine_(dialect, 3) {
    SimImage image = busybox();
    engine_.add_image(image);
    image.ref = conformance_labelled;
    image.labels["inherited"] = "image";
    image.env = {"A=image"};
    image.cmd = {"sleep", "1000"};
    image.healthcheck = Json::object(
        {{"Test", Json::array({"CMD-SHELL", "true"})}, {"Interval", std::int64_t{1'000'000'000}}});
    engine_.add_image(image);
    pass(seconds(1'800'000'000));
  }
  Dialect dialect() const override { return engine_.dialect(); }
  Answer call(const HttpCall& call) override { return engine_.handle(call, engine_.now()); }
  void pass(Duration time) override {
    const Duration now = engine_.now().steady + time;
    engine_.advance({now, now});
  }
  Duration wall() const override { return engine_.now().wall; }
  std::vector<std::string> events_since(Duration wall) override {
    HttpCall call;
    call.path = "/events?since=" + std::to_string(wall / seconds(1)) + "." +
                std::to_string(1'000'000'000 + wall.count() % 1'000'000'000).substr(1);
    std::vector<std::string> lines;
    for (const EngineEvent& event : engine_.replay(call).events) lines.push_back(event.line);
    return lines;
  }

 private:
  SimEngine engine_;
};

void run_table(Dialect dialect) {
  SimTarget target(dialect);
  for (const ConformanceRow& row : conformance_table()) {
    const std::vector<std::string> failures = run_conformance(target, row);
    CHECK_MESSAGE(failures.empty(), row.name << "\n" << join(failures, "\n"));
  }
}

TEST_CASE("the simulated engine does what engines of API 1.41 do") { run_table(Dialect::api_1_41); }
TEST_CASE("the simulated engine does what engines of API 1.45 do") { run_table(Dialect::api_1_45); }
TEST_CASE("the conformance table is large enough to mean something") {
  CHECK(conformance_table().size() >= 60);
}

}  // namespace
}  // namespace fairlead::sim
