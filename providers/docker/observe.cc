#include "providers/docker/observe.h"

#include <algorithm>
#include <utility>

#include "providers/docker/decode.h"
#include "providers/docker/host_ports.h"
#include "providers/docker/reader.h"
#include "providers/docker/resolve.h"
#include "providers/docker/rounds.h"
#include "providers/docker/storage.h"
#include "reconciler/adopt.h"
#include "reconciler/archive.h"
#include "reconciler/units.h"
#include "reconciler/url.h"

namespace fairlead::docker {
namespace {

// Beyond that an image has nothing that a program could use.
constexpr int image_description_max = 1 << 20;

class AppObserver : public Rounds {
 public:
  AppObserver(const Keys& keys, const Session& session, const Scope& scope)
      : keys_(keys), api_(api(session)), scope_(scope), app_(scope.app) {
    if (const auto* before = dynamic_cast<const SeenApp*>(scope.before)) before_ = *before;
    if (scope.hinted) hinted_ = *scope.hinted;
    if (scope.memory) {
      suspects_ = scope.memory->suspects;
      stuck_ = scope.memory->counters.count("failed remove network " + network_name(app_)) > 0;
    }
    if (scope.wanted) specs_ = container_specs(*scope.wanted);
    seen_->as_of = scope.now.steady;
  }

  std::vector<Call> next() override {
    if (round_ == 0 && scope_.listed) {
      *seen_ = before_;
      forget_images();
      for (SeenContainer& container : seen_->containers) {
        if (hinted_.count(container.id) > 0) container.detail.reset();
      }
      ++round_;
    }
    if (round_ == 0) ask_lists();
    if (round_ == 1) ask_details();
    if (round_ == 2) {
      ask_images();  // of those that were found gone
      ask_logs();
      ask_archives();
      ask_storage();
    }
    // A round that has nothing to ask leads straight to the next one.
    std::vector<Call> calls = take_calls();
    if (round_++ < 2 && calls.empty()) return next();
    return calls;
  }

  Observed finish() override {
    Observed observed;
    tell_content();
    observed.apps[app_] = seen_;
    return observed;
  }

 private:
  void ask_lists() {
    const std::string ours =
        filters(label_filter({std::string(label::installation) + "=" + keys_.installation(),
                              std::string(label::app) + "=" + app_}));
    const auto named = [](const std::string& name) {
      return filters(Json::object({{"name", Json(std::vector<std::string>{"^" + name + "$"})}}));
    };
    ask_json(get(api_ + "/containers/json?all=1&filters=" + ours, container_members),
             "list containers", [this](const Json& body) { containers(body); });
    ask_json(get(api_ + "/networks?filters=" + named(network_name(app_)), network_members),
             "list networks", [this](const Json& body) {
               for (const Json& entry : body.items()) {
                 SeenNetwork network = decode_network(keys_, entry);
                 if (network.name == network_name(app_))
                   seen_->networks.push_back(std::move(network));
               }
             });
    const std::string volume = Identity{"volume", app_, "", "", 1}.name();
    ask_json(get(api_ + "/volumes?filters=" + named(volume), volume_members), "list volumes",
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
                        {"network", Json(std::vector<std::string>{network_name(app_)})}});
      // The edge is in as many networks as there are routes.
      const auto keep = [own = network_name(app_)](std::string_view parent, std::string_view key) {
        return parent != "Networks" || key == own;
      };
      ask_json(
          get(api_ + "/containers/json?all=1&filters=" + filters(attached), container_members),
          "list containers of the network", [this](const Json& body) { visitors(body); }, keep);
    }
    if (has_secrets()) {
      ask_files(app_, [this](const std::string& path) { seen_->secret_files.insert(path); });
    }
  }

  bool has_secrets() const {
    return !before_.secret_files.empty() ||
           std::any_of(specs_.begin(), specs_.end(),
                       [](const auto& spec) { return !spec->secrets.empty(); });
  }

  void containers(const Json& body) {
    for (const Json& entry : body.items()) {
      auto seen = decode_container(keys_, entry);
      never_started("reader", entry, seen_->readers);
      never_started("keeper", entry, seen_->keepers);
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

  void never_started(std::string_view kind, const Json& entry, std::vector<NeverStarted>& into) {
    auto seen = decode_never_started(keys_, kind, entry);
    if (seen && seen->app == app_) into.push_back(std::move(*seen));
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
    ask_images();
    if (!scope_.to_read.empty()) ask_image(scope_.to_read);
  }

  void ask_images() {
    for (const auto& spec : specs_) {
      const bool lacks = lacks_container(*spec);
      if (lacks && !spec->publishes.empty()) ask_ports();
      if (lacks || hinted_.count(spec->image) > 0) ask_image(spec->image);
      if (lacks && !spec->image_id.empty()) ask_image(spec->image_id);
    }
  }

  void ask_ports() {
    if (!scope_.platform || !is_local(*scope_.platform) || std::exchange(asked_ports_, true))
      return;
    ask_listening([this](Publish socket) { seen_->listening.push_back(std::move(socket)); });
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
          for (const char* kind : {"container", "reader", "keeper"}) {
            if (proven(keys_, claimed_identity(kind, labels), labels)) return {};
          }
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
    return count + jobs_ended(spec) < spec.replicas;
  }

  // That have run and whose containers are gone: nothing is made in their place.
  std::ptrdiff_t jobs_ended(const ContainerSpec& spec) const {
    if (!spec.once || !scope_.memory) return 0;
    if (scope_.memory->trials.unknown()) return spec.replicas;
    const Trial* trial = scope_.memory->trials.find(spec.process, spec.fingerprint);
    if (!trial) return 0;
    return std::count_if(trial->ended.begin(), trial->ended.end(), [&](const auto& ended) {
      return ended.first <= spec.replicas &&
             std::none_of(seen_->containers.begin(), seen_->containers.end(),
                          [&](const SeenContainer& container) {
                            return container.name == container_name(spec, ended.first);
                          });
    });
  }

  static std::string container_name(const ContainerSpec& spec, int replica) {
    return Identity{"container", spec.app, spec.process, spec.fingerprint, replica}.name();
  }

  void ask_image(const std::string& reference) {
    if (!asked_images_.insert(reference).second) return;
    ask_image(reference, {"Id", "Config"});
  }

  void ask_image(const std::string& reference, std::vector<std::string> members) {
    const bool whole = members.size() > 1;
    HttpCall call = get(api_ + "/images/" + reference + "/json", std::move(members));
    call.body_max = image_description_max;
    ask(std::move(call), [this, reference, whole](const Answer& answer) -> Result<void> {
      if (answer.too_long && whole) {
        ask_image(reference, {"Id"});
        return {};
      }
      if (answer.status != 404 && !answer.ok())
        return unreadable("inspect image " + reference, answer);
      const Result<Json> body = Json::parse(answer.ok() ? answer.body : "{}");
      if (!body) return body.error();
      ImageFacts facts = image_facts(*body);
      std::string refused = whole ? too_much_inherited((*body)["Config"])
                                  : "it says more of itself than " +
                                        format_bytes(std::int64_t{image_description_max});
      seen_->images[reference] = {facts.id, facts.manifest, facts.volumes, std::move(refused)};
      return {};
    });
  }

  // What was seen of them before is old, unlike what lists show.
  void forget_images() {
    seen_->images.clear();
    seen_->listening.clear();
    seen_->storage.clear();
    seen_->read.reset();
    seen_->read_of.clear();
    seen_->read_trouble.clear();
  }

  void ask_archives() {
    const auto image = seen_->images.find(scope_.to_read);
    if (image == seen_->images.end() || !needs_reader(image->second, scope_.images)) return;
    for (const NeverStarted& reader : seen_->readers) {
      if (reader.image_id != image->second.id || reader.state != "created") continue;
      seen_->read_of = reader.image_id;
      for (const std::string_view path : image_manifest_paths) ask_archive(reader.id, path);
      return;
    }
  }

  void ask_archive(const std::string& id, std::string_view path) {
    HttpCall call = get(api_ + "/containers/" + id + "/archive?path=" + std::string(path));
    call.body_max = image_archive_bytes_max;
    ask(std::move(call), [this, path](const Answer& answer) -> Result<void> {
      Result<ImageContent> content = decode_archive(path, answer);
      // No answer, or no such container: of that nothing follows.
      const bool gone = answer.status == 404 || answer.status == 0;
      if (!content && gone) return content.error();
      if (content) {
        archives_[path] = std::move(*content);
      } else if (seen_->read_trouble.empty()) {
        seen_->read_trouble = content.error().message;
      }
      return {};
    });
  }

  // Whose the app's volume is, through each container that waits for its first start.
  void ask_storage() {
    for (const SeenContainer& container : seen_->containers) {
      const auto spec = std::find_if(specs_.begin(), specs_.end(), [&](const auto& wanted) {
        return wanted->process == container.identity.process &&
               wanted->fingerprint == container.identity.fingerprint;
      });
      if (spec == specs_.end() || !(*spec)->owner || container.state != "created") continue;
      ask_image(container.image_id);
      ask_folder(container.id, (*spec)->stored_at);
      if (!has_names((*spec)->owner->text)) continue;
      ask_text(container.id, "passwd", &SeenStorage::passwd);
      ask_text(container.id, "group", &SeenStorage::group);
    }
  }

  void ask_folder(const std::string& id, const std::string& path) {
    HttpCall call = get(api_ + "/containers/" + id + "/archive?path=" + percent_encode(path));
    call.body_enough = folder_bytes_enough;
    ask(std::move(call), [this, id, path](const Answer& answer) -> Result<void> {
      Result<FolderEntry> folder = decode_folder(path, answer);
      if (!folder && folder.error().code == Code::unavailable) return folder.error();
      SeenStorage& storage = seen_->storage[id];
      if (folder) storage.folder = *folder;
      if (!folder) storage.trouble = folder.error().message;
      return {};
    });
  }

  // A file of the image below /etc; of one that cannot be read nothing is known.
  void ask_text(const std::string& id, const std::string& name, std::string SeenStorage::*member) {
    HttpCall call = get(api_ + "/containers/" + id + "/archive?path=/etc/" + name);
    call.body_max = image_archive_bytes_max;
    ask(std::move(call), [this, id, name, member](const Answer& answer) -> Result<void> {
      if (!answer.ok()) return {};
      const Result<std::string> text = only_file(answer.body, name, image_archive_bytes_max);
      if (text) seen_->storage[id].*member = *text;
      return {};
    });
  }

  // The first of the files that there are.
  void tell_content() {
    if (archives_.size() < image_manifest_paths.size()) return;
    seen_->read = ImageContent();
    for (const std::string_view path : image_manifest_paths) {
      ImageContent& content = archives_[path];
      if (content.place.empty() && content.error.empty()) continue;
      seen_->read = std::move(content);
      return;
    }
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
  bool asked_ports_ = false;
  std::set<std::string> asked_images_;
  std::map<std::string_view, ImageContent> archives_;  // by path
  std::vector<std::shared_ptr<const ContainerSpec>> specs_;
  std::shared_ptr<SeenApp> seen_ = std::make_shared<SeenApp>();
  int round_ = 0;
};

}  // namespace

std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session,
                                      const Scope& scope) {
  return std::make_unique<AppObserver>(keys, session, scope);
}

}  // namespace fairlead::docker
