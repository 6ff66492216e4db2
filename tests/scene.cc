#include "tests/scene.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "providers/docker/diff.h"
#include "providers/docker/docker.h"
#include "providers/docker/network.h"
#include "providers/docker/reader.h"
#include "providers/docker/readiness.h"
#include "providers/docker/resolve.h"
#include "providers/mariadb/mariadb.h"
#include "providers/rabbitmq/rabbitmq.h"
#include "reconciler/units.h"

namespace fairlead::testing {
namespace {

using docker::ContainerSpec;
using docker::Detail;
using docker::SeenContainer;

Duration duration_of(const std::string& text) {
  const auto parsed = parse_duration(text);
  if (!parsed) throw std::runtime_error("not a duration: " + text);
  return *parsed;
}

std::shared_ptr<const Graph> graph_of(const std::string& text, const Scene& scene) {
  if (text.find_first_not_of(" \n") == text.npos) return nullptr;
  ParsedManifest manifest = parse_manifest("blog.yml", text);
  if (!manifest.errors.empty()) throw std::runtime_error(manifest.errors.front().text());
  auto graph = graph_beside({"mariadb", "rabbitmq"}, *manifest.apps.at(0).app, scene.platform,
                            scene.secrets);
  if (!graph) throw std::runtime_error(graph.error().text());
  return *graph;
}

class NeverStarted {
 public:
  explicit NeverStarted(Scene& scene) : scene_(scene) {}

  void read(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line[0] != '#') read_line(line);
    }
  }

 private:
  void read_line(const std::string& line) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "container") return container(words);
    if (kind == "network") return network(words);
    if (kind == "volume") return volume(words);
    if (!simple(kind, words)) throw std::runtime_error("no such line: " + line);
  }

  bool simple(const std::string& kind, std::istringstream& words) {
    std::string first, second;
    if (kind == "drop-data") return scene_.drop_data = true;
    if (kind == "trials-lost") {
      scene_.memory.trials = Trials::decode("lost");
      return true;
    }
    const bool beforehand = kind == "source" || kind == "pool" || kind == "defaults";
    if (beforehand) return true;
    words >> first;
    if (kind == "subnet") return take(first);
    if (kind == "to-read") return !(scene_.to_read = first).empty();
    if (kind == "secret") return scene_.seen.secret_files.insert(secret_path(first)).second;
    if (kind == "waiting") {
      std::getline(words, second);
      scene_.waiting_for = "waits " + first + second;
      return true;
    }
    words >> second;
    if (kind == "image") return image(first, second);
    if (kind == "ended") return ended(first, second, words);
    if (kind == "reader") return never_started(kind, first, second, scene_.seen.readers);
    if (kind == "keeper") return never_started(kind, first, second, scene_.seen.keepers);
    if (kind == "storage") return storage(first, second, words);
    if (kind == "service") return service(first, second == "attached");
    if (kind == "claim") {
      scene_.claims.add(second, docker::Subnet::parse(first).value().range());
      return true;
    }
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (kind == "taken") {
      const bool reader =
          first.find(".manifest.") != first.npos || first.find(".storage.") != first.npos;
      const std::string name = reader ? first : real_name(first);
      return scene_.seen.foreign.emplace(name, second + " " + rest).second;
    }
    if (kind != "counter") return false;
    if (rest.starts_with("gate ")) return gate(rest, std::stoi(first), duration_of(second));
    const Counter counter{std::stoi(first), scene_.now.steady - duration_of(second)};
    return scene_.memory.counters.emplace(real_words(rest), counter).second;
  }

  // "gate web NEW [why]".
  bool gate(const std::string& text, int failures, Duration ago) {
    std::istringstream words(text);
    std::string kind, process, word, why;
    words >> kind >> process >> word;
    std::getline(words >> std::ws, why);
    const std::string found = fingerprint(word, spec(process, word));
    scene_.memory.trials.set(process, found, {{}, failures, why, scene_.now.wall - ago});
    return true;
  }

  bool ended(const std::string& process, const std::string& word, std::istringstream& words) {
    int replica = 1;
    std::string with;
    words >> replica;
    std::getline(words >> std::ws, with);
    const std::string found = fingerprint(word, spec(process, word));
    scene_.memory.trials.set(process, found, {{{replica, with}}, 0, "", Duration(0)});
    return true;
  }

  bool never_started(const std::string& kind, const std::string& digit, const std::string& state,
                     std::vector<docker::NeverStarted>& into) {
    const std::string image_id = "sha256:" + std::string(64, digit.at(0));
    const std::string name = docker::Identity{kind, "blog", "", image_id, 1}.name();
    into.push_back({"id-" + name, name, "blog", image_id, state});
    return true;
  }

  // "1000:1000 www-data:33:34", or "trouble with the rest of the line".
  bool storage(const std::string& container, const std::string& owner, std::istringstream& words) {
    const auto& held = scene_.seen.containers;
    const auto seen_there = std::find_if(held.begin(), held.end(), [&](const auto& one) {
      return one.id.ends_with("-" + container);
    });
    if (seen_there == held.end()) return false;
    docker::SeenStorage& seen = scene_.seen.storage[seen_there->id];
    std::string rest;
    std::getline(words >> std::ws, rest);
    const std::size_t colon = owner.find(':');
    if (owner.front() < '0' || owner.front() > '9') {
      seen.trouble = owner + " " + rest;
      return true;
    }
    seen.folder =
        FolderEntry{static_cast<std::uint32_t>(std::stoul(owner.substr(0, colon))),
                    static_cast<std::uint32_t>(std::stoul(owner.substr(colon + 1))), 0755};
    const std::size_t name = rest.find(':');
    if (name != rest.npos) seen.passwd = rest.substr(0, name) + ":x" + rest.substr(name);
    return true;
  }

  bool image(const std::string& reference, const std::string& word) {
    docker::SeenImage image;
    if (word != "missing") image.id = "sha256:" + std::string(64, 'a');
    if (word == "labelled") image.manifest = "name: blog\n";
    return scene_.seen.images.emplace(reference, image).second;
  }

  bool service(const std::string& name, bool attached) {
    SeenContainer made;
    made.identity = {"container", name, "web", fingerprint(name, nullptr), 1};
    made.name = made.identity.name();
    made.id = "c-" + name;
    made.state = "running";
    made.networks.edit()[name] = {"n-" + name, "10.213.9.2"};
    if (attached) made.networks.edit()["blog"] = {"n1", "10.213.0.60"};
    if (attached) scene_.seen.visitors.push_back(made);
    scene_.services[name].containers.push_back(std::move(made));
    return true;
  }

  void network(std::istringstream& words) {
    docker::SeenNetwork network;
    words >> network.name >> network.subnet;
    network.id = "n1";
    network.ours = true;
    for (std::string word; words >> word;) {
      if (word == "foreign") network.ours = false;
      if (word.rfind("id=", 0) == 0) network.id = word.substr(3);
    }
    take(network.subnet);
    scene_.seen.networks.push_back(network);
  }

  bool take(const std::string& text) {
    const std::optional<docker::Subnet> subnet = docker::Subnet::parse(text);
    if (subnet) scene_.engine.subnets.insert(subnet->range());
    return subnet.has_value();
  }

  void volume(std::istringstream& words) {
    docker::SeenVolume volume;
    std::string word;
    words >> volume.name >> word;
    volume.ours = word != "foreign";
    if (!volume.ours) volume.trouble = "a volume of this name exists and is not fairlead's";
    scene_.seen.volumes.push_back(volume);
  }

  // "NEW:web:API_KEY", or the path itself.
  std::string secret_path(const std::string& word) const {
    const std::size_t first = word.find(':');
    if (first == word.npos) return word;
    const std::size_t second = word.find(':', first + 1);
    const auto* spec = spec_of(word.substr(0, first) == "NEW" ? scene_.wanted.get() : before(),
                               word.substr(first + 1, second - first - 1));
    for (const docker::SecretFile& file : spec->secrets) {
      if (file.name == word.substr(second + 1)) return file.path;
    }
    throw std::runtime_error("no such secret: " + word);
  }

  const Graph* before() const { return scene_.before.get(); }

  // The fingerprint that a word stands for.
  std::string fingerprint(const std::string& word, const ContainerSpec* spec) {
    const std::string whole =
        spec ? spec->fingerprint : docker::fingerprint_of(test_keys(), {{"word", word}});
    scene_.words.emplace(whole.substr(0, 8), word);
    return whole;
  }

  docker::Identity identity_of(const std::string& name) {
    std::vector<std::string> parts;
    std::istringstream text(name);
    for (std::string part; std::getline(text, part, '.');) parts.push_back(part);
    if (parts.size() < 3) throw std::runtime_error("not a container's name: " + name);
    const int replica = parts.size() > 3 && parts[3] != "failed" ? std::stoi(parts[3]) : 1;
    return {"container", parts[0], parts[1], fingerprint(parts[2], spec(parts[1], parts[2])),
            replica};
  }

  const ContainerSpec* spec(const std::string& process, const std::string& word) const {
    if (word != "NEW" && word != "OLD") return nullptr;
    return spec_of(word == "NEW" ? scene_.wanted.get() : before(), process);
  }

  std::string real_name(const std::string& name) { return identity_of(name).name(); }

  // "gate web NEW", "restart blog.web.NEW".
  std::string real_words(const std::string& text) {
    std::istringstream words(text);
    std::string kind, name, word;
    words >> kind >> name >> word;
    if (kind == "restart") return "restart " + real_name(name);
    return kind + " " + name + " " + fingerprint(word, spec(name, word));
  }

  void container(std::istringstream& words) {
    SeenContainer made;
    std::string name;
    words >> name >> made.state;
    made.identity = identity_of(name);
    made.name = made.identity.name() + (name.find(".failed") != name.npos ? ".failed" : "");
    made.id = "c" + std::to_string(scene_.seen.containers.size() + 1) + "-" + name;
    made.image_id = "sha256:" + std::string(64, '1');
    made.networks.edit()[made.identity.app] = {"n1", "10.213.0." + std::to_string(next_address_++)};
    made.detail = Detail();
    std::istringstream parts(name);
    std::string app, process, word;
    std::getline(std::getline(std::getline(parts, app, '.'), process, '.'), word, '.');
    if (const ContainerSpec* of = spec(process, word)) as_specified(made, *of);
    times(made, "1h", true);
    for (std::string setting; words >> setting;) {
      if (setting == "log:") {
        std::getline(words >> std::ws, made.detail->last_log);
      } else {
        set(made, setting);
      }
    }
    if (made.state == "created") made.detail->started = Duration(0);
    if (uninspected_) made.detail.reset();
    uninspected_ = false;
    scene_.seen.containers.push_back(std::move(made));
  }

  static void as_specified(SeenContainer& made, const ContainerSpec& spec) {
    for (const auto& [name, field] : spec.fields) {
      made.fields += (made.fields.empty() ? "" : " ") + name + "=" + field.digest;
    }
    made.detail->image = spec.image;
    made.detail->restart = spec.restart;
    made.detail->limits = spec.limits;
    made.detail->stop_grace = spec.stop_grace;
  }

  void times(SeenContainer& made, const std::string& age, bool created) const {
    const Duration at = scene_.now.steady - duration_of(age);
    if (created) made.detail->created = at;
    made.detail->started = at;
    made.detail->started_text = age + " ago";
  }

  void set(SeenContainer& made, const std::string& setting) {
    const std::size_t equals = setting.find('=');
    const std::string key = setting.substr(0, equals);
    const std::string value = equals == setting.npos ? "" : setting.substr(equals + 1);
    Detail& detail = *made.detail;
    if (key == "healthy" || key == "unhealthy" || key == "starting")
      made.health = detail.health = key;
    else if (key == "named")
      made.name = value;
    else if (key == "age")
      times(made, value, true);
    else if (key == "started")
      times(made, value, false);
    else if (key == "created")
      detail.created = scene_.now.steady - duration_of(value);
    else if (key == "finished")
      detail.finished = scene_.now.steady - duration_of(value);
    else if (key == "restart")
      detail.restart = value;
    else if (key == "exit")
      detail.exit_code = std::stoi(value);
    else if (key == "restarts")
      detail.restart_count = std::stoi(value);
    else if (key == "oom")
      detail.oom_killed = true;
    else if (key == "image")
      detail.image = value;
    else if (key == "memory")
      detail.limits.memory = *parse_bytes(value);
    else if (key == "cpus")
      detail.limits.nano_cpus = *parse_cpus(value);
    else if (key == "pids")
      detail.limits.pids = std::stoi(value);
    else if (key == "network")
      made.networks.edit()[value] = {"other-" + value, "10.9.0.2"};
    else if (key == "address")
      made.networks.edit()[made.identity.app].address = value;
    else if (key == "detached")
      made.networks.edit().clear();
    else if (key == "network-id")
      made.networks.edit()[made.identity.app].network_id = value;
    else if (key == "checks")
      detail.check =
          docker::EngineCheck{duration_of(value), std::chrono::seconds(10), Duration(0), 3};
    else if (key == "probe")
      probe(made, value);
    else if (key == "accepts")
      scene_.memory.probes[docker::probe_key(made, std::stoi(value))].successes = 1;
    else if (key == "refuses" || key == "ended")
      scene_.memory.probes[docker::probe_key(made, std::stoi(value))] = {
          key == "ended", 3, "nothing accepts on port " + value + ": connection refused"};
    else if (key == "uninspected")
      uninspected_ = true;
    else
      throw std::runtime_error("no such setting: " + setting);
  }

  void probe(const SeenContainer& made, const std::string& value) {
    ProbeState& state = scene_.memory.probes[docker::probe_key(made)];
    if (value == "ok") state.successes = 1;
    if (value == "failed") state = {0, 3, "GET /up: 503"};
  }

  Scene& scene_;
  int next_address_ = 2;
  bool uninspected_ = false;
};

// What resolving depends on comes first.
void read_sources(Scene& scene, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, name, rest;
    words >> kind >> name;
    std::getline(words >> std::ws, rest);
    if (kind == "source") scene.secrets[name] = Secret(rest);
    if (kind == "pool") scene.platform.network.pool = name;
    if (kind == "defaults") {
      const ParsedPlatform said = parse_platform("f.yml", "defaults: " + name + " " + rest);
      if (!said.errors.empty()) throw std::runtime_error(said.errors[0].text());
      scene.platform.defaults = said.platform.defaults;
    }
  }
}

void name_fingerprints(Scene& scene, const Graph* graph, const char* word) {
  if (!graph) return;
  for (const auto& spec : docker::container_specs(*graph)) {
    scene.words.emplace(spec->short_fingerprint(), word);
  }
}

}  // namespace

const Keys& test_keys() {
  static const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
  return keys;
}

Result<std::shared_ptr<const Graph>> graph_beside(const std::set<std::string>& services,
                                                  const App& app, const Platform& platform,
                                                  const std::map<std::string, Secret>& secrets) {
  Providers providers;
  providers.push_back(mariadb::make_provider(test_keys()));
  providers.push_back(rabbitmq::make_provider(test_keys()));
  providers.push_back(docker::make_provider(test_keys()));
  return resolve(providers, std::make_shared<App>(app),
                 {platform, secrets, {}, {}, [&](const std::string& name) {
                    return services.count(name) > 0;
                  }});
}

const ContainerSpec* spec_of(const Graph* graph, const std::string& process) {
  if (!graph) return nullptr;
  for (const auto& spec : docker::container_specs(*graph)) {
    if (spec->process == process) return spec.get();
  }
  return nullptr;
}

Scene parse_scene(const std::string& manifest, const std::string& before, const std::string& seen) {
  Scene scene;
  scene.session.facts = Json::object(
      {{"api", "1.41"}, {"newer", false}, {"cpus", 4}, {"memory", std::int64_t{8} << 30}});
  read_sources(scene, seen);
  scene.wanted = graph_of(manifest, scene);
  scene.before = graph_of(before, scene);
  name_fingerprints(scene, scene.wanted.get(), "NEW");
  name_fingerprints(scene, scene.before.get(), "OLD");
  NeverStarted(scene).read(seen);
  std::sort(scene.seen.containers.begin(), scene.seen.containers.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return scene;
}

View Scene::view() const {
  View view;
  view.app = (wanted ? wanted : before)->app->name;
  view.wanted = wanted.get();
  view.seen = &seen;
  view.shared = &engine;
  view.session = &session;
  view.platform = &platform;
  view.memory = &memory;
  view.claims = &claims;
  view.now = now;
  view.waiting_for = waiting_for;
  view.removing = wanted == nullptr && to_read.empty();
  view.to_read = to_read;
  for (const auto& [name, service] : services) view.services[name] = &service;
  view.drop_data = drop_data;
  return view;
}

std::pair<Plan, Report> Scene::diff() const {
  Plan plan;
  Report report;
  const View seen_by = view();
  if (wanted) {
    docker::diff_app(test_keys(), seen_by, plan, report);
  } else if (!to_read.empty()) {
    docker::diff_unknown(test_keys(), seen_by, plan, report);
  } else {
    docker::diff_removal(test_keys(), seen_by, plan, report);
  }
  return {std::move(plan), std::move(report)};
}

std::string Scene::with_words(std::string text) const {
  for (const auto& [digits, word] : words) {
    for (std::size_t at = 0; (at = text.find(digits, at)) != text.npos; at += word.size()) {
      text.replace(at, digits.size(), word);
    }
  }
  return text;
}

std::string Scene::plan_text() const { return with_words(diff().first.text()); }

std::string Scene::report_text() const {
  const Report report = diff().second;
  std::string text = std::string(sync_name(report.sync)) + ", " + health_name(report.health) + "\n";
  if (!report.reason.empty()) text += report.reason + ": " + report.message + "\n";
  if (!report.running.empty()) text += "running " + report.running + "\n";
  if (report.look_again) {
    text += "look again in " + format_duration(*report.look_again - now.steady) + "\n";
  }
  for (const Conflict& conflict : report.conflicts) {
    text += "conflict " + conflict.resource + ": " + conflict.message + "\n";
  }
  for (const ResourceState& held : report.resources) {
    text += "resource " + held.kind + " " + held.name + ": " + held.state +
            (held.cause.empty() ? "" : " (" + held.cause + ")") + "\n";
  }
  return with_words(text);
}

}  // namespace fairlead::testing
