#include "providers/docker/reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "providers/docker/decode.h"
#include "reconciler/grammar.h"

namespace fairlead::docker {
namespace {

using std::chrono::seconds;

constexpr char program[] = "/never-started";
constexpr seconds look_again_after{30};

Error refused(const std::string& what) { return {Code::invalid, "a reader with " + what, ""}; }

Result<void> check_keys(const Json& map, const std::set<std::string>& known,
                        const std::string& where) {
  for (const auto& [key, value] : map.members()) {
    if (known.count(key) == 0) return refused(where + key);
  }
  return {};
}

Result<void> check_mounts(const Json& mounts) {
  for (const Json& mount : mounts.items()) {
    const Result<void> checked = check_keys(mount, {"Type", "Target"}, "mount option ");
    if (!checked) return checked;
    if (mount["Type"].as_string() != "tmpfs") {
      return refused("mount of type " + mount["Type"].as_string());
    }
  }
  return {};
}

const NeverStarted* reader_of(const SeenApp& seen, const std::string& image_id) {
  const auto found =
      std::find_if(seen.readers.begin(), seen.readers.end(),
                   [&](const NeverStarted& reader) { return reader.image_id == image_id; });
  return found == seen.readers.end() ? nullptr : &*found;
}

// Drafts the steps of one app.
class ReadingDiff {
 public:
  ReadingDiff(const View& view, const SeenApp& seen, const Steps& steps, Plan& plan, Report& report)
      : view_(view), seen_(seen), steps_(steps), plan_(plan), report_(report) {}

  Reading run() {
    const auto found = seen_.images.find(view_.to_read);
    const SeenImage* image = found == seen_.images.end() ? nullptr : &found->second;
    const bool needed = !view_.to_read.empty() && image && needs_reader(*image, view_.images);
    remove_others(needed ? image->id : "");
    if (view_.to_read.empty()) return {};
    std::vector<std::size_t> needs;
    if (image && image->id.empty()) {
      reading_.pull = add(steps_.pull(view_.to_read, may_log_in(view_.tenant)), "not on this host");
      needs.push_back(*reading_.pull);
    } else if (needed && !reader_of(seen_, image->id)) {
      if (const auto made = create(*image)) needs.push_back(*made);
    }
    reading_.wait = add(Steps::wait("image " + view_.to_read),
                        "what the manifest in it says is not known yet", std::move(needs));
    describe();
    return reading_;
  }

 private:
  std::size_t add(Step step, std::string cause, std::vector<std::size_t> needs = {}) {
    step.cause = std::move(cause);
    step.needs = std::move(needs);
    return plan_.add(std::move(step));
  }

  void remove_others(const std::string& needed) {
    for (const NeverStarted& reader : seen_.readers) {
      if (reader.state == "removing") {
        report_.due(view_.now.steady + removal_poll);
      } else if (reader.image_id != needed) {
        add(steps_.remove_never_started(reader), "nothing is read of it any more");
      }
    }
  }

  std::optional<std::size_t> create(const SeenImage& image) {
    const Identity identity = reader_identity(view_.app, image.id);
    if (const auto taken = seen_.foreign.find(identity.name()); taken != seen_.foreign.end()) {
      const std::string message = "the name is taken by " + taken->second + "; rename or remove it";
      report_.conflicts.push_back({"container " + identity.name(), message});
      report_.worsen(HealthState::degraded, "Conflict",
                     report_.conflicts.back().resource + ": " + message);
      report_.out_of_sync("Conflict", message);
      return std::nullopt;
    }
    return add(steps_.create_reader(identity, image.volumes),
               "to read the manifest of image " + view_.to_read);
  }

  void describe() {
    const std::string text = "reads the manifest of the image " + view_.to_read;
    if (!seen_.read_trouble.empty()) {
      report_.due(view_.now.steady + look_again_after);
      report_.worsen(HealthState::degraded, "ImageUnreadable", text + ": " + seen_.read_trouble);
    }
    if (!view_.wanted) report_.worsen(HealthState::progressing, "ReadsImage", text);
    report_.out_of_sync("ReadsImage", text);
  }

  const View& view_;
  const SeenApp& seen_;
  const Steps& steps_;
  Plan& plan_;
  Report& report_;
  Reading reading_;
};

}  // namespace

Identity reader_identity(const std::string& app, const std::string& image_id) {
  return {"reader", app, "", image_id, 1};
}

std::optional<NeverStarted> decode_never_started(const Keys& keys, std::string_view kind,
                                                 const Json& entry) {
  const Json& labels = entry["Labels"];
  const Identity identity = claimed_identity(kind, labels);
  const auto& names = entry["Names"].items();
  const bool named = !names.empty() && names.front().as_string() == "/" + identity.name();
  if (!named || !proven(keys, identity, labels)) return std::nullopt;
  return NeverStarted{entry["Id"].as_string(), identity.name(), identity.app, identity.fingerprint,
                      entry["State"].as_string()};
}

Json reader_body(const std::string& image_id, const std::vector<std::string>& volumes,
                 const Json& labels) {
  Json mounts = Json::array();
  for (const std::string& volume : volumes) {
    const auto path = normal_path(volume);
    if (!path || *path == "/") continue;
    mounts.push(Json::object({{"Type", "tmpfs"}, {"Target", *path}}));
  }
  const Json host =
      Json::object({{"NetworkMode", "none"},
                    {"CapDrop", Json(std::vector<std::string>{"ALL"})},
                    {"SecurityOpt", Json(std::vector<std::string>{"no-new-privileges"})},
                    {"ReadonlyRootfs", true},
                    {"Mounts", mounts}});
  // An image without a command cannot be created from unless one is given.
  return Json::object({{"Image", image_id},
                       {"Entrypoint", Json(std::vector<std::string>{program})},
                       {"NetworkDisabled", true},
                       {"Labels", labels},
                       {"HostConfig", host}});
}

Result<void> check_reader(const Json& body, const std::string& name) {
  Result<void> checked = check_keys(
      body, {"Image", "Entrypoint", "NetworkDisabled", "Labels", "HostConfig"}, "the field ");
  if (!checked) return checked;
  const Json& host = body["HostConfig"];
  checked = check_keys(host, {"NetworkMode", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "Mounts"},
                       "HostConfig.");
  if (!checked) return checked;
  const Identity identity = claimed_identity("reader", body["Labels"]);
  const Json alike = reader_body(identity.fingerprint, {}, body["Labels"]);
  for (const char* key : {"Image", "Entrypoint", "NetworkDisabled"}) {
    if (body[key] != alike[key]) return refused(std::string(key) + " " + body[key].dump());
  }
  for (const char* key : {"NetworkMode", "CapDrop", "SecurityOpt", "ReadonlyRootfs"}) {
    if (host[key] != alike["HostConfig"][key]) {
      return refused("HostConfig." + std::string(key) + " " + host[key].dump());
    }
  }
  if (identity.app.empty() || identity.name() != name) return refused("the name " + name);
  return check_mounts(host["Mounts"]);
}

Result<ImageContent> decode_archive(std::string_view path, const Answer& answer) {
  ImageContent content;
  if (answer.too_long) {
    content.error = std::string(path) + ": must be a regular file of no more than 1 MiB";
    return content;
  }
  const std::string message = answer.answered() ? decode_message(answer.body) : answer.error;
  // The same status says that there is no such container, which would tell nothing of the image.
  if (answer.status == 404 && message.find("ould not find the file") != message.npos) {
    return content;
  }
  if (!answer.ok()) return Error{Code::unavailable, std::string(path) + ": " + message, ""};
  Result<std::string> text = manifest_in_archive(answer.body, path);
  content.place = path;
  if (text) {
    content.text = std::move(*text);
  } else {
    content.error = text.error().message;
  }
  return content;
}

bool needs_reader(const SeenImage& image, const ImageManifests* known) {
  return !image.id.empty() && image.refused.empty() && image.manifest.empty() &&
         !(known && known->knows(image.id));
}

Reading plan_reading(const View& view, const SeenApp& seen, const Steps& steps, Plan& plan,
                     Report& report) {
  return ReadingDiff(view, seen, steps, plan, report).run();
}

}  // namespace fairlead::docker
