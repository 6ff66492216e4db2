#include "providers/docker/observe.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "providers/docker/decode.h"
#include "providers/docker/network.h"

namespace fairlead::docker {
namespace {

HttpCall get(std::string path) {
  HttpCall call;
  call.path = std::move(path);
  return call;
}

FileCall list_files(std::string path) {
  FileCall call;
  call.act = FileCall::Act::list;
  call.area = FileCall::Area::secrets;
  call.path = std::move(path);
  return call;
}

Json label_filter(std::vector<std::string> labels) {
  return Json::object({{"label", Json(labels)}});
}

Error unreadable(const std::string& what, const Answer& answer) {
  return {Code::unavailable,
          what + ": " +
              (answer.answered() ? std::to_string(answer.status) + " " + decode_message(answer.body)
                                 : answer.error),
          ""};
}

// Keeps for each call what to do with its answer; the rounds are up to the derived classes.
class Rounds : public Observer {
 public:
  Result<void> take(std::size_t index, const Answer& answer) override {
    FAIRLEAD_CHECK(index < takers_.size());
    return takers_[index](answer);
  }

 protected:
  using Taker = std::function<Result<void>(const Answer&)>;

  void ask(Call call, Taker taker) {
    calls_.push_back(std::move(call));
    takers_.push_back(std::move(taker));
  }
  // A call whose answer must be 200 with JSON.
  void ask_json(Call call, std::string what, std::function<void(const Json&)> taker) {
    ask(std::move(call),
        [what = std::move(what), taker = std::move(taker)](const Answer& answer) -> Result<void> {
          if (!answer.ok()) return unreadable(what, answer);
          const Result<Json> body = Json::parse(answer.body);
          if (!body) return Error{Code::unavailable, what + ": " + body.error().message, ""};
          taker(*body);
          return {};
        });
  }
  // The same for a long list: each of its objects goes to `taker` by itself.
  void ask_items(Call call, std::string what, std::function<void(const Json&)> taker) {
    ask(std::move(call),
        [what = std::move(what), taker = std::move(taker)](const Answer& answer) -> Result<void> {
          if (!answer.ok()) return unreadable(what, answer);
          const Result<void> read = Json::parse_items(answer.body, taker);
          if (!read) return Error{Code::unavailable, what + ": " + read.error().message, ""};
          return {};
        });
  }
  std::vector<Call> take_calls() { return std::exchange(calls_, {}); }

 private:
  std::vector<Call> calls_;
  std::vector<Taker> takers_;
};

// "blog/API_KEY.1f2e3d4c" → "blog".
std::string app_of_file(const std::string& path) { return path.substr(0, path.find('/')); }

class AllObserver : public Rounds {
 public:
  AllObserver(const Keys& keys, const Session& session, Instant now)
      : keys_(keys), api_(api(session)), now_(now) {}

  std::vector<Call> next() override {
    if (std::exchange(asked_, true)) return {};
    const std::string ours =
        filters(label_filter({std::string(label::installation) + "=" + keys_.installation()}));
    ask_items(get(api_ + "/containers/json?all=1&filters=" + ours), "list containers",
              [this](const Json& entry) { container(entry); });
    ask_items(get(api_ + "/networks"), "list networks",
              [this](const Json& entry) { network(entry); });
    ask_json(get(api_ + "/volumes?filters=" + ours), "list volumes",
             [this](const Json& body) { volumes(body); });
    ask(list_files(""), [this](const Answer& answer) { return files(answer); });
    return take_calls();
  }

  Observed finish() override {
    Observed observed;
    for (const auto& [name, app] : apps_) {
      for (const SeenContainer& container : app->containers) tell_hosts(container);
    }
    for (auto& [name, app] : apps_) {
      std::sort(app->containers.begin(), app->containers.end(),
                [](const auto& a, const auto& b) { return a.name < b.name; });
      observed.apps[name] = app;
    }
    observed.shared = engine_;
    return observed;
  }

 private:
  SeenApp& app(const std::string& name) {
    auto& held = apps_[name];
    if (!held) {
      held = std::make_shared<SeenApp>();
      held->as_of = now_.steady;
    }
    return *held;
  }
  void container(const Json& entry) {
    auto seen = decode_container(keys_, entry);
    if (seen) app(seen->identity.app).containers.push_back(std::move(*seen));
  }
  void tell_hosts(const SeenContainer& container) {
    for (const auto& [network, endpoint] : container.networks) {
      if (network == container.identity.app) continue;
      const auto host = apps_.find(network);
      if (host != apps_.end()) host->second->visitors.push_back(container);
    }
  }
  void network(const Json& entry) {
    SeenNetwork seen = decode_network(keys_, entry);
    if (const auto subnet = Subnet::parse(seen.subnet)) engine_->subnets.insert(subnet->range());
    // A foreign network is kept too, under the app whose name it takes; apps without objects of
    // ours ignore it.
    if (seen.ours) {
      app(seen.name).networks.push_back(std::move(seen));
    } else if (const auto held = apps_.find(seen.name); held != apps_.end()) {
      held->second->networks.push_back(std::move(seen));
    }
  }
  void volumes(const Json& body) {
    for (const Json& entry : body["Volumes"].items()) {
      SeenVolume seen = decode_volume(keys_, entry);
      if (!seen.ours) continue;
      app(claimed_identity("volume", entry["Labels"]).app).volumes.push_back(std::move(seen));
    }
  }
  Result<void> files(const Answer& answer) {
    if (answer.status == 404) return {};
    if (!answer.ok()) return unreadable("list mounted secrets", answer);
    const Result<Json> paths = Json::parse(answer.body);
    if (!paths) return paths.error();
    for (const Json& path : paths->items()) {
      app(app_of_file(path.as_string())).secret_files.insert(path.as_string());
    }
    return {};
  }

  const Keys& keys_;
  std::string api_;
  Instant now_;
  bool asked_ = false;
  std::map<std::string, std::shared_ptr<SeenApp>> apps_;
  std::shared_ptr<SeenEngine> engine_ = std::make_shared<SeenEngine>();
};

class AppObserver : public Rounds {
 public:
  AppObserver(const Keys& keys, const Session& session, const Scope& scope)
      : keys_(keys), api_(api(session)), scope_(scope), app_(scope.app) {
    if (const auto* before = dynamic_cast<const SeenApp*>(scope.before)) before_ = *before;
    if (scope.hinted) hinted_ = *scope.hinted;
    if (scope.memory) {
      suspects_ = scope.memory->suspects;
      stuck_ = scope.memory->counters.count("failed remove network " + app_) > 0;
    }
    if (scope.wanted) specs_ = container_specs(*scope.wanted);
    seen_->as_of = scope.now.steady;
  }

  std::vector<Call> next() override {
    if (round_ == 0 && scope_.listed) {
      *seen_ = before_;
      for (SeenContainer& container : seen_->containers) {
        if (hinted_.count(container.id) > 0) container.detail.reset();
      }
      ++round_;
    }
    if (round_ == 0) ask_lists();
    if (round_ == 1) ask_details();
    if (round_ == 2) ask_logs();
    // A round that has nothing to ask leads straight to the next one.
    std::vector<Call> calls = take_calls();
    if (round_++ < 2 && calls.empty()) return next();
    return calls;
  }

  Observed finish() override {
    Observed observed;
    observed.apps[app_] = seen_;
    return observed;
  }

 private:
  static std::vector<std::shared_ptr<const ContainerSpec>> container_specs(const Graph& graph) {
    std::vector<std::shared_ptr<const ContainerSpec>> specs;
    for (const Resource& resource : graph.resources) {
      if (auto spec = std::dynamic_pointer_cast<const ContainerSpec>(resource.spec)) {
        specs.push_back(std::move(spec));
      }
    }
    return specs;
  }

  void ask_lists() {
    const std::string ours =
        filters(label_filter({std::string(label::installation) + "=" + keys_.installation(),
                              std::string(label::app) + "=" + app_}));
    const auto named = [](const std::string& name) {
      return filters(Json::object({{"name", Json(std::vector<std::string>{"^" + name + "$"})}}));
    };
    ask_json(get(api_ + "/containers/json?all=1&filters=" + ours), "list containers",
             [this](const Json& body) { containers(body); });
    ask_json(get(api_ + "/networks?filters=" + named(app_)), "list networks",
             [this](const Json& body) {
               for (const Json& entry : body.items()) {
                 SeenNetwork network = decode_network(keys_, entry);
                 if (network.name == app_) seen_->networks.push_back(std::move(network));
               }
             });
    const std::string volume = Identity{"volume", app_, "", "", 1}.name();
    ask_json(get(api_ + "/volumes?filters=" + named(volume)), "list volumes",
             [this, volume](const Json& body) {
               for (const Json& entry : body["Volumes"].items()) {
                 SeenVolume found = decode_volume(keys_, entry);
                 if (found.name == volume) seen_->volumes.push_back(std::move(found));
               }
             });
    // One that was overlooked keeps the network of a removed app busy.
    const bool uses = scope_.wanted && !scope_.wanted->services.empty();
    if (uses || stuck_ || !before_.visitors.empty()) {
      const Json attached =
          Json::object({{"label", Json(std::vector<std::string>{std::string(label::installation) +
                                                                "=" + keys_.installation()})},
                        {"network", Json(std::vector<std::string>{app_})}});
      ask_json(get(api_ + "/containers/json?all=1&filters=" + filters(attached)),
               "list containers of the network", [this](const Json& body) { visitors(body); });
    }
    if (has_secrets()) {
      ask(list_files(app_), [this](const Answer& answer) { return files(answer); });
    }
  }

  bool has_secrets() const {
    return !before_.secret_files.empty() ||
           std::any_of(specs_.begin(), specs_.end(),
                       [](const auto& spec) { return !spec->secrets.empty(); });
  }

  Result<void> files(const Answer& answer) {
    if (answer.status == 404) return {};
    if (!answer.ok()) return unreadable("list mounted secrets", answer);
    const Result<Json> paths = Json::parse(answer.body);
    if (!paths) return paths.error();
    for (const Json& path : paths->items()) seen_->secret_files.insert(path.as_string());
    return {};
  }

  void containers(const Json& body) {
    for (const Json& entry : body.items()) {
      auto seen = decode_container(keys_, entry);
      if (!seen || seen->identity.app != app_) continue;
      const SeenContainer* before = known(seen->id);
      const bool unchanged = before && before->state == seen->state &&
                             before->health == seen->health && hinted_.count(seen->id) == 0;
      if (unchanged) seen->detail = before->detail;
      seen_->containers.push_back(std::move(*seen));
    }
    std::sort(seen_->containers.begin(), seen_->containers.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
  }

  void visitors(const Json& body) {
    for (const Json& entry : body.items()) {
      auto seen = decode_container(keys_, entry);
      if (seen && seen->identity.app != app_) seen_->visitors.push_back(std::move(*seen));
    }
  }

  const SeenContainer* known(const std::string& id) const {
    const auto found = std::find_if(before_.containers.begin(), before_.containers.end(),
                                    [&](const SeenContainer& held) { return held.id == id; });
    return found == before_.containers.end() ? nullptr : &*found;
  }

  void ask_details() {
    for (const SeenContainer& container : seen_->containers) {
      if (!container.detail && !container.going()) ask_detail(container.id, Listed::yes);
      const bool misnamed = container.name != container.canonical_name() && !container.failed();
      if (misnamed) ask_origin(container.id, container.image_id);
    }
    if (!scope_.listed) ask_vanished();
    for (const std::string& name : suspects_) ask_suspect(name);
    for (const auto& spec : specs_) {
      if (lacks_container(*spec)) ask_image(spec->image);
    }
  }

  // That a container is gone is believed only when the engine says so of itself: whatever replaces
  // it would run beside it.
  void ask_vanished() {
    for (const SeenContainer& known : before_.containers) {
      const auto& held = seen_->containers;
      const bool there = std::any_of(held.begin(), held.end(), [&](const SeenContainer& container) {
        return container.id == known.id;
      });
      if (there) continue;
      seen_->containers.push_back(known);
      ask_detail(known.id, Listed::no);
    }
  }

  enum class Listed { no, yes };

  // One that was just listed and is not found is no news but a contradiction: it went meanwhile, or
  // the engine errs. The next look tells.
  void ask_detail(const std::string& id, Listed listed) {
    ask(get(api_ + "/containers/" + id + "/json"),
        [this, id, listed](const Answer& answer) -> Result<void> {
          if (answer.status == 404 && listed == Listed::no) {
            drop(id);
            return {};
          }
          if (!answer.ok()) return unreadable("inspect container", answer);
          const Result<Json> body = Json::parse(answer.body);
          if (!body) return body.error();
          for (SeenContainer& container : seen_->containers) {
            if (container.id == id) detail(container, *body);
          }
          return {};
        });
  }

  void detail(SeenContainer& container, const Json& inspect) {
    Detail made = decode_detail(inspect, scope_.now);
    // The inspect is younger than the list.
    container.state = inspect["State"]["Status"].as_string();
    const SeenContainer* before = known(container.id);
    if (before && before->detail) {
      // The first reading of an age holds: a clock that jumps must move no deadline.
      made.created = before->detail->created;
      if (before->detail->started_text == made.started_text) {
        made.started = before->detail->started;
        made.last_log = before->detail->last_log;
        made.log_read = before->detail->log_read && before->state == container.state;
      }
    }
    container.detail = std::move(made);
  }

  // A container that does not bear its own name may have inherited all its labels from an image
  // that was committed from one of ours.
  void ask_origin(const std::string& id, const std::string& image_id) {
    ask(get(api_ + "/images/" + image_id + "/json"),
        [this, id](const Answer& answer) -> Result<void> {
          const Result<Json> body = Json::parse(answer.ok() ? answer.body : "{}");
          if (body && (*body)["Config"]["Labels"].has(label::signature)) drop(id);
          return {};
        });
  }

  void ask_suspect(const std::string& name) {
    ask(get(api_ + "/containers/" + name + "/json"),
        [this, name](const Answer& answer) -> Result<void> {
          if (answer.status == 404) return {};
          if (!answer.ok()) return unreadable("inspect container", answer);
          const Result<Json> body = Json::parse(answer.body);
          if (!body) return body.error();
          const Json& labels = (*body)["Config"]["Labels"];
          const Identity claimed = claimed_identity("container", labels);
          if (proven(keys_, claimed, labels)) return {};
          const std::string& project = labels["com.docker.compose.project"].as_string();
          seen_->foreign[name] = project.empty() ? "a container that is not fairlead's"
                                                 : "a container of the Compose project " + project;
          return {};
        });
  }

  bool lacks_container(const ContainerSpec& spec) const {
    const auto count = std::count_if(
        seen_->containers.begin(), seen_->containers.end(), [&](const SeenContainer& container) {
          return container.identity.process == spec.process &&
                 container.identity.fingerprint == spec.fingerprint && !container.failed();
        });
    return count < spec.replicas;
  }

  void ask_image(const std::string& reference) {
    if (!asked_images_.insert(reference).second) return;
    ask(get(api_ + "/images/" + reference + "/json"),
        [this, reference](const Answer& answer) -> Result<void> {
          if (answer.status != 404 && !answer.ok())
            return unreadable("inspect image " + reference, answer);
          seen_->images[reference] = answer.ok();
          return {};
        });
  }

  void ask_logs() {
    for (const SeenContainer& container : seen_->containers) {
      if (!container.detail || container.detail->log_read) continue;
      const bool broken = container.failed() || container.state == "restarting" ||
                          container.detail->restart_count > 0 ||
                          (container.state == "exited" && container.detail->exit_code != 0) ||
                          container.detail->health == "unhealthy";
      if (broken) ask_log(container.id);
    }
  }

  void ask_log(const std::string& id) {
    HttpCall call = get(api_ + "/containers/" + id + "/logs?stdout=1&stderr=1&tail=10");
    ask(call, [this, id](const Answer& answer) -> Result<void> {
      for (SeenContainer& container : seen_->containers) {
        if (container.id != id || !container.detail || !answer.ok()) continue;
        container.detail->last_log = decode_log(answer.body);
        container.detail->log_read = true;
      }
      return {};
    });
  }

  void drop(const std::string& id) {
    auto& held = seen_->containers;
    held.erase(std::remove_if(held.begin(), held.end(),
                              [&](const SeenContainer& container) { return container.id == id; }),
               held.end());
  }

  const Keys& keys_;
  std::string api_;
  Scope scope_;
  std::string app_;
  SeenApp before_;
  std::set<std::string> hinted_;
  std::set<std::string> suspects_;
  bool stuck_ = false;  // the app's network could not be removed
  std::set<std::string> asked_images_;
  std::vector<std::shared_ptr<const ContainerSpec>> specs_;
  std::shared_ptr<SeenApp> seen_ = std::make_shared<SeenApp>();
  int round_ = 0;
};

}  // namespace

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session, Instant now) {
  return std::make_unique<AllObserver>(keys, session, now);
}

std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session,
                                      const Scope& scope) {
  return std::make_unique<AppObserver>(keys, session, scope);
}

std::string api(const Session& session) { return "/v" + session.facts["api"].as_string(); }

std::string filters(const Json& filter) {
  static const char* const hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : filter.dump()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  return out;
}

}  // namespace fairlead::docker
