// Our CPU per engine event, with so many apps: the production loop over simulated engines, in
// virtual time. Prints microseconds per event.
//
//   bench_event APPS
//
// Half of the events are of foreign objects, half of containers of ours; each of these leads to a
// pass. Only what handle() and deadline() take is counted. At every size the events are of the same
// number of apps, spread over all: the cost must follow what is touched, not how much there is.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "providers/docker/docker.h"
#include "reconciler/keys.h"
#include "reconciler/reconciler.h"
#include "tests/sim/sim_engine.h"

namespace {

using namespace fairlead;
using namespace fairlead::sim;
using std::chrono::milliseconds;

constexpr int events = 5'000;
constexpr int rounds = 5;
constexpr std::size_t apps_touched = 100;
constexpr std::size_t apps_per_engine = 10;
constexpr char image[] = "bench:1";

Duration cpu_now() {
  timespec spec{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spec);
  return std::chrono::seconds(spec.tv_sec) + Duration(spec.tv_nsec);
}

std::string app_name(std::size_t number) {
  std::string digits = std::to_string(number);
  return "app-" + std::string(6 - digits.size(), '0') + digits;
}

// One engine to the loop, made of many, so that the simulated lists stay short while the apps are
// observed one by one; what is measured never sees the seams.
class Engines {
 public:
  explicit Engines(std::size_t apps) {
    for (std::size_t i = 0; i * apps_per_engine < apps; ++i) {
      engines_.push_back(std::make_unique<SimEngine>(Dialect::api_1_41, i + 1));
      SimImage made;
      made.ref = image;
      made.cmd = {"serve"};
      engines_.back()->add_image(made);
    }
  }

  Answer handle(const HttpCall& call, Instant now) {
    if (SimEngine* engine = engine_of(call)) {
      Answer answer = engine->handle(call, now);
      // Its event comes later than the first question about it.
      if (call.path.find("/containers/create") != std::string::npos) {
        by_id_[(*Json::parse(answer.body))["Id"].as_string()] = engine;
      }
      return answer;
    }
    Answer whole = engines_.front()->handle(call, now);
    if (!call.path.starts_with("/v1.41/")) return whole;
    const bool volumes = call.path.find("/volumes") != std::string::npos;
    Json list = Json::array();
    for (const auto& engine : engines_) {
      const Json part = *Json::parse(engine->handle(call, now).body);
      for (const Json& item : (volumes ? part["Volumes"] : part).items()) list.push(item);
    }
    whole.body = (volumes ? Json::object({{"Volumes", list}}) : list).dump();
    return whole;
  }

  std::vector<std::string> take_lines(Instant now) {
    std::vector<std::string> lines;
    for (const auto& engine : engines_) {
      engine->advance(now);
      for (const EngineEvent& event : engine->take_new_events()) {
        if (event.type == "container") by_id_[event.id] = engine.get();
        lines.push_back(event.line);
      }
    }
    return lines;
  }

  // The line of a `docker update` of that app's container.
  std::string update(const std::string& app) {
    for (const auto& engine : engines_) {
      for (const auto& [id, container] : engine->containers()) {
        if (!container.name.starts_with(app + ".")) continue;
        engine->outside("POST", "/containers/" + id + "/update", Json::object());
        return engine->take_new_events().back().line;
      }
    }
    return "";
  }

 private:
  // The engine of the app that a call names; null: the call is for all.
  SimEngine* engine_of(const HttpCall& call) {
    for (const std::string* text : {&call.path, &call.body}) {
      const std::size_t at = text->find("app-");
      if (at == text->npos) continue;
      const auto number = static_cast<std::size_t>(std::atoi(text->c_str() + at + 4));
      return engines_[number / apps_per_engine].get();
    }
    if (call.path.find("/images/") != std::string::npos) return engines_.front().get();
    const Target target = parse_target(call.path);
    const auto found = by_id_.find(target.part(1));
    return found == by_id_.end() ? nullptr : found->second;
  }

  std::vector<std::unique_ptr<SimEngine>> engines_;
  std::unordered_map<std::string, SimEngine*> by_id_;  // container → where it is
};

class Bench {
 public:
  explicit Bench(std::size_t apps) : engines_(apps) {
    auto platform = std::make_shared<Platform>();
    platform->network.pool = "10.0.0.0/8";
    // No resync while the events are counted, though time goes on.
    platform->engine.resync = std::chrono::hours(24 * 365);
    Providers providers;
    providers.push_back(docker::make_provider(keys_));
    loop_ = std::make_unique<Reconciler>(std::move(providers), platform, std::vector<LastGood>{},
                                         LoopOptions{});
    auto reading = std::make_shared<FolderReading>();
    for (std::size_t i = 0; i < apps; ++i) {
      const std::string text = "name: " + app_name(i) + "\nimage: " + image +
                               "\nresources: {memory: 64M}\nenv: {STAGE: bench}\n";
      reading->files.push_back(
          {app_name(i) + ".yml", std::make_shared<const std::string>(text), ""});
    }
    inbox_.emplace_back(ManifestsChanged{reading});
  }

  void converge() {
    while (!all_well()) {
      run();
      now_.steady += milliseconds(100);
      now_.wall += milliseconds(100);
      inbox_.emplace_back(Woken{});
    }
    run();
  }

  // Microseconds per event.
  double measure(const std::vector<std::string>& lines) {
    spent_ = Duration(0);
    for (int i = 0; i < events; ++i) {
      inbox_.emplace_back(Hinted{stream_, lines[static_cast<std::size_t>(i) % lines.size()]});
      run();
    }
    return std::chrono::duration<double, std::micro>(spent_).count() / events;
  }

  // By turns a foreign container's event and one of ours.
  std::vector<std::string> lines() {
    std::vector<std::string> all;
    const std::size_t apps = loop_->apps().size();
    for (std::size_t i = 0; i < apps_touched; ++i) {
      all.push_back(R"({"Type":"container","Action":"start","Actor":{"ID":"f00d","Attributes":)"
                    R"({"image":"redis:7","name":"redis-)" +
                    std::to_string(i) + R"("}},"time":1800000000})");
      all.push_back(engines_.update(app_name(i * apps / apps_touched)));
    }
    return all;
  }

 private:
  bool all_well() const {
    return !loop_->apps().empty() &&
           std::all_of(loop_->apps().begin(), loop_->apps().end(), [](const auto& entry) {
             return entry.second.report.health == HealthState::healthy &&
                    entry.second.phase == AppState::Phase::idle;
           });
  }

  // Until nothing more happens at this moment.
  void run() {
    do {
      while (!inbox_.empty()) {
        const Event event = std::move(inbox_.front());
        inbox_.pop_front();
        const Duration before = cpu_now();
        std::vector<Request> requests = loop_->handle(event, now_);
        due_ = loop_->deadline();
        spent_ += cpu_now() - before;
        for (Request& request : requests) answer(request);
      }
      if (measuring()) continue;
      for (std::string& line : engines_.take_lines(now_)) {
        inbox_.emplace_back(Hinted{stream_, std::move(line)});
      }
    } while (!inbox_.empty());
  }

  // No container changes then, so no engine needs to be asked for events.
  bool measuring() const { return stream_ != 0 && all_well_once_; }

  void answer(const Request& request) {
    if (const auto* call = std::get_if<HttpCall>(&request.what)) {
      inbox_.emplace_back(Answered{request.id, engines_.handle(*call, now_)});
    } else if (const auto* file = std::get_if<FileCall>(&request.what)) {
      const bool list = file->act == FileCall::Act::list;
      inbox_.emplace_back(Answered{request.id, {list ? 404 : 200, "", ""}});
    } else if (std::holds_alternative<Subscribe>(request.what)) {
      stream_ = request.id;
      inbox_.emplace_back(StreamOpened{stream_});
    }
  }

 public:
  void begin_measuring() { all_well_once_ = true; }

 private:
  Keys keys_{"00112233445566ff", Secret(std::string(32, 'k'))};
  Engines engines_;
  std::unique_ptr<Reconciler> loop_;
  std::deque<Event> inbox_;
  Instant now_{std::chrono::hours(1), std::chrono::hours(24 * 365 * 50)};
  Duration due_{0};
  Duration spent_{0};
  RequestId stream_ = 0;
  bool all_well_once_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const int apps = argc == 2 ? std::atoi(argv[1]) : 0;
  if (apps < static_cast<int>(apps_touched) || apps > 100'000) {
    std::fprintf(stderr, "usage: bench_event APPS (100 to 100000)\n");
    return 1;
  }
  Bench bench(static_cast<std::size_t>(apps));
  bench.converge();
  const std::vector<std::string> lines = bench.lines();
  bench.begin_measuring();
  std::vector<double> results;
  for (int i = 0; i < rounds; ++i) results.push_back(bench.measure(lines));
  std::sort(results.begin(), results.end());
  std::printf("%.2f\n", results[results.size() / 2]);
}
