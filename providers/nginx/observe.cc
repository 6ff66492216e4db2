#include "providers/nginx/observe.h"

#include <cstdio>
#include <functional>
#include <utility>

#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"
#include "reconciler/url.h"

namespace fairlead::nginx {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds answer_timeout{2000};
// After a reload nothing but nginx's answer is waited for.
constexpr seconds polling_max{3};
// So long a nginx that runs and does not answer is taken for busy.
constexpr seconds silence_max{30};

Error unreadable(const std::string& what, const Answer& answer) {
  return {Code::unavailable, what + ": " + answer.error, ""};
}

class NothingObserver : public Observer {
 public:
  std::vector<Call> next() override { return {}; }
  Result<void> take(std::size_t, const Answer&) override { return {}; }
  Observed finish() override { return {}; }
};

class EdgeObserver : public Observer {
 public:
  explicit EdgeObserver(const Scope& scope) : scope_(scope) {
    if (const auto* before = dynamic_cast<const SeenEdge*>(scope.before)) before_ = *before;
    if (!scope.memory) return;
    for (const auto& [note, why] : scope.memory->notes) {
      if (note.starts_with(note_rejected)) {
        seen_->rejected[note.substr(sizeof note_rejected - 1)] = why;
      }
    }
    for (const auto& [name, counter] : scope.memory->counters) {
      if (!name.starts_with(not_taken) || scope.now.steady >= not_taken_until(counter)) continue;
      seen_->rejected[name.substr(sizeof not_taken - 1)] =
          "nginx does not take it in a reload; look at the log of the edge's container";
    }
  }

  std::vector<Call> next() override {
    calls_.clear();
    if (round_ == 0) ask_first();
    if (round_ == 1) ask_generations();
    ++round_;
    return calls_;
  }

  Result<void> take(std::size_t index, const Answer& answer) override {
    return takers_[index](answer);
  }

  Observed finish() override {
    Observed observed;
    observed.apps[edge_app] = seen_;
    return observed;
  }

 private:
  using Taker = std::function<Result<void>(const Answer&)>;
  void ask(Call call, Taker taker) {
    calls_.push_back(std::move(call));
    takers_.push_back(std::move(taker));
  }

  void ask_first() {
    // Each time: an order that is not seen would go out again.
    ask_attempts();
    if (waits_for_answer()) {
      seen_->files = before_.files;
      seen_->listing = before_.listing;
      seen_->current = before_.current;
    } else {
      ask_folder();
    }
    // What is known of before holds until nginx says otherwise, or is another one.
    seen_->version = before_.version;
    seen_->asked = !scope_.app.empty();
    if (!scope_.place) return without_place();
    seen_->instance = scope_.place->instance;
    const bool same = before_.instance == seen_->instance;
    if (same) seen_->live = before_.live;
    seen_->silent = same && !before_.answers ? before_.silent : scope_.now.steady;
    seen_->gone = scope_.now.steady >= seen_->silent + silence_max;
    count_workers();
    HttpCall call;
    call.endpoint =
        host_in_url(scope_.place->host) + ":" + std::to_string(scope_.platform->edge.status_port);
    call.path = "/generation";
    call.timeout = answer_timeout;
    call.body_max = 1024;
    ask(std::move(call), [this](const Answer& answer) { return generation(answer); });
  }

  // A list of the engine's may lack what is there: one that served is not gone at once.
  void without_place() {
    seen_->live = before_.live;
    seen_->instance = before_.instance;
    seen_->silent = before_.answers ? scope_.now.steady : before_.silent;
    const bool long_silent = scope_.now.steady >= seen_->silent + silence_max;
    seen_->gone = seen_->asked && (seen_->live.empty() || long_silent);
  }

  // Each reload leaves those behind that have connections. They are seldom many: now and then is
  // enough.
  void count_workers() {
    seen_->old_workers = before_.old_workers;
    seen_->counted_at = before_.counted_at;
    const Counter* reloads = counter(all_reloads);
    const int count = reloads ? reloads->count : 0;
    const bool due = count >= before_.counted_at + (before_.old_workers > 0 ? 4 : 16);
    if (!due || scope_.place->instance == host_instance) return;
    seen_->counted_at = count;
    HttpCall call;
    call.path = "/containers/" + scope_.place->instance + "/top";
    ask(std::move(call), [this](const Answer& answer) -> Result<void> {
      const Result<Json> top = Json::parse(answer.ok() ? answer.body : "{}");
      if (!top) return {};
      seen_->old_workers = 0;
      for (const Json& process : (*top)["Processes"].items()) {
        const std::string& title =
            process.items().empty() ? "" : process.items().back().as_string();
        if (title.find("worker process is shutting down") != title.npos) ++seen_->old_workers;
      }
      return {};
    });
  }

  const Counter* counter(const char* name) const {
    if (!scope_.memory) return nullptr;
    const auto found = scope_.memory->counters.find(name);
    return found == scope_.memory->counters.end() ? nullptr : &found->second;
  }

  bool waits_for_answer() const {
    const Counter* reload = counter(all_reloads);
    if (!reload || before_.current.empty() || before_.live == before_.current) return false;
    return scope_.now.steady < reload->last + polling_max;
  }

  void ask_folder() {
    ask(edge_file(FileCall::Act::list, ""), [this](const Answer& answer) { return files(answer); });
    ask(edge_file(FileCall::Act::read, current_path), [this](const Answer& answer) -> Result<void> {
      if (!answer.ok() && answer.status != 404) return unreadable("read current.conf", answer);
      seen_->current = parse_current(answer.body);
      return {};
    });
  }

  void ask_attempts() {
    if (!scope_.platform || scope_.platform->edge.acme.email.empty()) return;
    ask(list_attempts(), [this](const Answer& answer) -> Result<void> {
      Result<AcmeSeen> seen = decode_attempts(answer);
      if (!seen) return seen.error();
      seen_->acme = std::move(*seen);
      return {};
    });
  }

  Result<void> files(const Answer& answer) {
    if (answer.status == 404) return {};
    if (!answer.ok()) return unreadable("list the edge's folder", answer);
    if (*before_.listing == answer.body) {
      seen_->listing = before_.listing;
      seen_->files = before_.files;
      return {};
    }
    std::set<std::string> found;
    const Result<void> read = Json::parse_items(answer.body, [&](const Json& path) {
      const bool kept = !path.as_string().starts_with("challenges/");
      if (kept) found.insert(found.end(), path.as_string());
    });
    if (!read) return read;
    seen_->files = std::move(found);
    seen_->listing = answer.body;
    return {};
  }

  // "1.22.1 3f9c2a1b0d4e5f67\n"
  Result<void> generation(const Answer& answer) {
    Version version;
    char id[65] = "";
    const bool said = answer.status == 200 &&
                      std::sscanf(answer.body.c_str(), "%4d.%4d.%4d %64[0-9a-f]", &version.major,
                                  &version.minor, &version.patch, id) == 4;
    if (!said) return {};
    seen_->answers = true;
    seen_->gone = false;
    seen_->version = version;
    seen_->live = id;
    return {};
  }

  void ask_generations() {
    for (const std::string& id : std::set<std::string>{seen_->current, seen_->live}) {
      const std::string path = generation_path(id);
      const auto known = before_.generations.find(id);
      if (seen_->generations.count(id) > 0) continue;
      // What nginx serves it serves also where the file is gone.
      if (known != before_.generations.end()) seen_->generations[id] = known->second;
      if (known != before_.generations.end() || seen_->files->count(path) == 0) continue;
      ask(edge_file(FileCall::Act::read, path), [this, id](const Answer& answer) -> Result<void> {
        if (!answer.ok() && answer.status != 404) return unreadable("read generation", answer);
        if (answer.ok()) seen_->generations[id] = parse_index(answer.body);
        return {};
      });
    }
  }

  Scope scope_;
  SeenEdge before_;
  int round_ = 0;
  std::vector<Call> calls_;
  std::vector<Taker> takers_;
  std::shared_ptr<SeenEdge> seen_ = std::make_shared<SeenEdge>();
};

}  // namespace

std::unique_ptr<Observer> observe_edge(const Scope& scope) {
  return std::make_unique<EdgeObserver>(scope);
}

std::unique_ptr<Observer> observe_nothing() { return std::make_unique<NothingObserver>(); }

}  // namespace fairlead::nginx
