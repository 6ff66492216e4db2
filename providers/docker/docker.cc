#include "providers/docker/docker.h"

#include <algorithm>
#include <cstdio>

#include "providers/docker/decode.h"
#include "providers/docker/diff.h"
#include "providers/docker/judge.h"
#include "providers/docker/mounts.h"
#include "providers/docker/observe.h"
#include "providers/docker/policy.h"
#include "providers/docker/reader.h"
#include "providers/docker/resolve.h"
#include "providers/listing.h"

namespace fairlead::docker {
namespace {

// "1.41" → 41; 0 for what is no version of the 1.x API.
int minor_of(const std::string& version) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(version.c_str(), "%3d.%5d", &major, &minor) != 2 || major != 1) return 0;
  return minor;
}

constexpr int older_dialect = 41;
constexpr int newer_dialect = 44;

Error unreachable(const Answer& answer) {
  return {Code::unavailable,
          "the engine does not answer: " +
              (answer.answered() ? std::to_string(answer.status) + " " + decode_message(answer.body)
                                 : answer.error),
          ""};
}

// Of what runs outside only its part at another provider is wanted.
bool is_run_here(const Graph& wanted) { return !container_specs(wanted).empty(); }

class Docker : public Provider {
 public:
  explicit Docker(const Keys& keys) : keys_(keys) {}

  std::string_view name() const override { return "docker"; }
  std::set<std::string> offers() const override { return {"storage"}; }

  Result<void> resolve(const ResolveInput& input, Graph& graph) const override {
    return resolve_app(keys_, input, graph);
  }

  std::optional<Call> handshake(const Place&, const Platform&,
                                const std::vector<Answer>& so_far) const override {
    HttpCall call;
    if (so_far.empty()) {
      call.path = "/version";
      return call;
    }
    if (so_far.size() == 1 && so_far.front().ok()) {
      call.path = "/info";
      return call;
    }
    return std::nullopt;
  }

  Result<Session> negotiate(const Place&, const Platform&,
                            const std::vector<Answer>& answers) const override {
    if (answers.size() < 2 || !answers[1].ok()) return unreachable(answers.back());
    const Result<Json> version = Json::parse(answers[0].body);
    const Result<Json> info = Json::parse(answers[1].body);
    if (!version || !info) return unreachable(answers[0]);
    const std::string& latest = (*version)["ApiVersion"].as_string();
    const std::string& oldest = (*version)["MinAPIVersion"].as_string();
    const int highest = minor_of(latest);
    const int lowest = oldest.empty() ? 0 : minor_of(oldest);
    const bool newer = highest >= newer_dialect;
    const int dialect = newer ? newer_dialect : older_dialect;
    if (highest < older_dialect || lowest > dialect) {
      return Error{Code::unavailable,
                   "the engine speaks API " + oldest + " to " + latest +
                       ", fairlead speaks 1.41 and 1.44: upgrade " +
                       (highest < older_dialect ? "the engine" : "fairlead"),
                   ""};
    }
    Session session;
    const std::string api = "1." + std::to_string(dialect);
    session.description = "Docker Engine " + (*version)["Version"].as_string() + ", API " + api;
    session.facts = Json::object({{"api", api},
                                  {"newer", newer},
                                  {"cpus", std::max<std::int64_t>(1, (*info)["NCPU"].as_int())},
                                  {"memory", (*info)["MemTotal"].as_int()}});
    return session;
  }

  std::optional<HttpCall> subscription(const Session& session) const override {
    // By type and not by label: a label filter hides all network and volume events. Exec events are
    // left out, or a health check would fill the 1,024 slots that the engine keeps for a reader.
    const Json filter = Json::object(
        {{"type", Json(std::vector<std::string>{"container", "network", "volume", "image"})},
         {"event", Json(std::vector<std::string>{"create", "start", "die", "oom", "pause",
                                                 "unpause", "rename", "update", "destroy",
                                                 "health_status", "connect", "disconnect", "remove",
                                                 "tag", "pull", "load", "import"})}});
    HttpCall call;
    call.path = api(session) + "/events?filters=" + filters(filter);
    return call;
  }

  Hint decode_event(std::string_view line) const override {
    return docker::decode_event(keys_, line);
  }

  std::unique_ptr<Observer> observe(const Session& session, const Scope& scope) const override {
    return scope.app.empty() ? observe_all(keys_, session, scope.now)
                             : observe_app(keys_, session, scope);
  }

  std::vector<std::string> changes(const Section* before, const Section* after) const override;

  void diff(const View& view, Plan& plan, Report& report) const override {
    if (view.wanted && is_run_here(*view.wanted)) return diff_app(keys_, view, plan, report);
    if (view.removing) return diff_removal(keys_, view, plan, report);
    diff_unknown(keys_, view, plan, report);
  }
  std::vector<Probe> probes(const View& view) const override { return health_probes(view); }

  std::vector<std::string> objects(const Section* section) const override {
    std::vector<std::string> ids;
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen) return ids;
    for (const SeenContainer& container : seen->containers) ids.push_back(container.id);
    return ids;
  }

  bool anything(const Section* section) const override {
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen) return false;
    const bool network = std::any_of(seen->networks.begin(), seen->networks.end(),
                                     [](const SeenNetwork& held) { return held.ours; });
    return network || !seen->containers.empty() || !seen->readers.empty() ||
           !seen->keepers.empty() || !seen->secret_files.empty();
  }

  Standing standing(const View& view) const override { return standing_of(view); }
  std::optional<Place> serves_at(const Section* section) const override {
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen) return std::nullopt;
    const SeenContainer* serving = serving_container(*seen);
    if (!serving) return std::nullopt;
    return Place{serving->networks->at(network_name(serving->identity.app)).address, serving->id};
  }

  std::vector<ImageLook> images(const Section* section) const override {
    std::vector<ImageLook> looks;
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen) return looks;
    for (const auto& [reference, image] : seen->images) {
      ImageLook look{reference, image.id, std::nullopt};
      if (!image.refused.empty()) {
        look.content = {"", "", image.refused};
      } else if (!image.manifest.empty()) {
        look.content = {std::string("label ") + image_manifest_label, image.manifest, ""};
      } else if (seen->read_of == image.id) {
        look.content = seen->read;
      }
      looks.push_back(std::move(look));
    }
    return looks;
  }

  ImageUse image_in_use(const Graph& wanted, const Section* section,
                        const Memory& memory) const override {
    return image_use(wanted, section, memory);
  }
  std::map<std::string, std::string> image_ids(const Section* shared) const override {
    const auto* engine = dynamic_cast<const SeenEngine*>(shared);
    return engine ? engine->image_ids : std::map<std::string, std::string>();
  }

  std::vector<std::string> data(const Section* section) const override {
    std::vector<std::string> names;
    const auto* seen = dynamic_cast<const SeenApp*>(section);
    if (!seen) return names;
    for (const SeenVolume& volume : seen->volumes) {
      if (volume.ours) names.push_back("volume " + volume.name);
    }
    return names;
  }

  Result<void> policy(const Call& call, const Platform& platform,
                      const Tenant* tenant) const override {
    if (const auto* http = std::get_if<HttpCall>(&call))
      return check_policy(*http, platform, tenant);
    const auto* file = std::get_if<FileCall>(&call);
    if (file && file->area == FileCall::Area::secrets) return {};
    if (file && file->area == FileCall::Area::host) return check_look(*file, platform);
    return Error{Code::denied, "refused by fairlead's policy: no request to the engine", ""};
  }
  Outcome judge(const Step& step, const Answer& answer) const override {
    return judge_step(keys_, step, answer);
  }

 private:
  const Keys& keys_;
};

// What a list shows of each object, as far as anything depends on it.
Listing listing(const Section* section) {
  Listing lines;
  const auto* seen = dynamic_cast<const SeenApp*>(section);
  if (!seen) return lines;
  for (const SeenContainer& container : seen->containers) {
    std::string text = container.state + (container.health.empty() ? "" : " " + container.health);
    for (const auto& [name, endpoint] : *container.networks) text += " in " + name;
    lines["container " + container.name + " (" + container.id.substr(0, 12) + ")"] = text;
  }
  for (const SeenNetwork& network : seen->networks) {
    if (network.ours) lines["network " + network.name] = network.id.substr(0, 12);
  }
  for (const NeverStarted& reader : seen->readers) lines["reader " + reader.name] = reader.state;
  for (const NeverStarted& keeper : seen->keepers) lines["keeper " + keeper.name] = keeper.state;
  for (const SeenContainer& visitor : seen->visitors) lines["visitor " + visitor.name] = "attached";
  for (const SeenVolume& volume : seen->volumes) {
    if (volume.ours) lines["volume " + volume.name] = volume.trouble;
  }
  for (const std::string& file : seen->secret_files) lines["secret " + file] = "there";
  return lines;
}

std::vector<std::string> Docker::changes(const Section* before, const Section* after) const {
  return differences(listing(before), listing(after), Shown::whole);
}

}  // namespace

std::unique_ptr<Provider> make_provider(const Keys& keys) { return std::make_unique<Docker>(keys); }

}  // namespace fairlead::docker
