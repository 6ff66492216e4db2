#include <algorithm>
#include <utility>

#include "providers/docker/decode.h"
#include "providers/docker/network.h"
#include "providers/docker/observe.h"
#include "providers/docker/reader.h"
#include "providers/docker/rounds.h"

// What is there of all apps, from five lists.
namespace fairlead::docker {
namespace {

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
    ask_items(get(api_ + "/containers/json?all=1&filters=" + ours, container_members),
              "list containers", [this](const Json& entry) { container(entry); });
    ask_items(get(api_ + "/networks", network_members), "list networks",
              [this](const Json& entry) { network(entry); });
    ask_json(get(api_ + "/volumes?filters=" + ours, volume_members), "list volumes",
             [this](const Json& body) { volumes(body); });
    ask_items(get(api_ + "/images/json", {"Id", "RepoTags"}), "list images",
              [this](const Json& entry) {
                for (const Json& tag : entry["RepoTags"].items()) {
                  engine_->image_ids[tag.as_string()] = entry["Id"].as_string();
                }
              });
    ask_files(
        "", [this](const std::string& path) { app(app_of_file(path)).secret_files.insert(path); });
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
    if (seen) return app(seen->identity.app).containers.push_back(std::move(*seen));
    auto reader = decode_never_started(keys_, "reader", entry);
    if (reader) app(reader->app).readers.push_back(std::move(*reader));
    auto keeper = decode_never_started(keys_, "keeper", entry);
    if (keeper) app(keeper->app).keepers.push_back(std::move(*keeper));
  }
  void tell_hosts(const SeenContainer& container) {
    for (const auto& [network, endpoint] : *container.networks) {
      const std::string app = app_of_network(network);
      if (app == container.identity.app) continue;
      const auto host = apps_.find(app);
      if (host != apps_.end()) host->second->visitors.push_back(container);
    }
  }
  void network(const Json& entry) {
    SeenNetwork seen = decode_network(keys_, entry);
    if (const auto subnet = Subnet::parse(seen.subnet)) engine_->subnets.insert(subnet->range());
    // A foreign network is kept too, under the app whose name it takes; apps without objects of
    // ours ignore it.
    const std::string named = app_of_network(seen.name);
    if (seen.ours) {
      app(named).networks.push_back(std::move(seen));
    } else if (const auto held = apps_.find(named); held != apps_.end()) {
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

  const Keys& keys_;
  std::string api_;
  Instant now_;
  bool asked_ = false;
  std::map<std::string, std::shared_ptr<SeenApp>> apps_;
  std::shared_ptr<SeenEngine> engine_ = std::make_shared<SeenEngine>();
};

}  // namespace

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session, Instant now) {
  return std::make_unique<AllObserver>(keys, session, now);
}

}  // namespace fairlead::docker
