#include "reconciler/app.h"

#include <algorithm>
#include <cstdio>

#include "reconciler/app_rules.h"
#include "reconciler/expose.h"
#include "reconciler/field.h"
#include "reconciler/grammar.h"
#include "reconciler/schema.h"

namespace fairlead {
namespace {

constexpr std::size_t errors_max = 100;
constexpr std::size_t process_name_max = 20;
constexpr std::string_view own_label_prefix = "fairlead.";
constexpr char env_name_wish[] =
    "a name such as APP_ENV or discovery.type: it begins with a letter or _, and has neither \"=\" "
    "nor blanks";

using namespace std::chrono_literals;

constexpr auto update_interval_min = 30s;

// Members whose name is good, with their text; the others become findings.
std::map<std::string, std::string> read_texts(const Field& field, bool (*is_key)(std::string_view),
                                              const std::string& wish) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, member] : field.members()) {
    if (!is_key(key)) member.refuse("this name must be " + wish);
    if (const auto text = member.text_or_lines()) texts[key] = *text;
  }
  return texts;
}

std::map<std::string, std::string> read_env(const Field& field) {
  return read_texts(field, is_env_name, env_name_wish);
}

std::map<std::string, std::string> read_labels(const Field& field) {
  for (const auto& [key, member] : field.members()) {
    if (key.compare(0, own_label_prefix.size(), own_label_prefix) == 0) {
      member.refuse("labels that begin with \"fairlead.\" are fairlead's own: choose another name");
    }
    member.text();
  }
  return read_texts(field, is_label_name,
                    "made of letters, digits and . _ / - and begin and end with a letter or digit");
}

constexpr std::int64_t queue_size_min = 1 << 20;

AccountNeed read_account(const Field& field) {
  AccountNeed account;
  account.reclaim = field["reclaim"].text();
  account.connections_max = field["connections_max"].number();
  account.rotation = field["rotation"].number().value_or(1);
  account.queues_max = field["queues_max"].number();
  account.queue_size = field["queue_size"].bytes();
  if (account.queue_size && *account.queue_size < queue_size_min) {
    field["queue_size"].refuse("must be at least 1M, got " + *field["queue_size"].text());
  }
  return account;
}

Storage read_storage(const Field& field) {
  Storage storage;
  storage.path = field["path"].absolute_path().value_or(storage.path);
  if (storage.path == "/") field["path"].refuse("must not be the root folder");
  storage.size = field["size"].bytes();
  storage.shared = field["shared"].flag();
  storage.owner = field["owner"].text();
  return storage;
}

Needs read_needs(const Field& field) {
  Needs needs;
  for (const Field& item : field.items()) {
    const auto& members = item.value().members();
    const std::string word = members.empty() ? item.value().as_string() : members[0].first;
    const bool again = (word == "database" && needs.database) ||
                       (word == "messagebus" && needs.messagebus) ||
                       (word == "storage" && needs.storage);
    if (again) item.refuse(word + " stands here twice");
    if (word == "database") needs.database = read_account(item[word]);
    if (word == "messagebus") needs.messagebus = read_account(item[word]);
    if (word == "storage") needs.storage = read_storage(item[word]);
  }
  return needs;
}

SecretSource read_secret(const Field& field) {
  SecretSource source;
  source.file = field["file"].text();
  source.generate = field["generate"].number();
  source.as_env = field["as"].text() == "env";
  if (field.value().has("file") == field.value().has("generate")) {
    field.refuse("must have either `file` or `generate`");
  }
  if (source.file && !is_relative_path(*source.file)) {
    field["file"].refuse(
        "must be a path below the platform's secrets folder, without \"..\", got \"" +
        *source.file + "\"");
  }
  return source;
}

std::map<std::string, SecretSource> read_secrets(const Field& field) {
  std::map<std::string, SecretSource> secrets;
  for (const auto& [key, member] : field.members()) {
    const SecretSource source = read_secret(member);
    if (!is_secret_name(key)) {
      member.refuse("this name must be made of letters, digits and _ . -");
    } else if (source.as_env && !is_env_name(key)) {
      member.refuse("as an environment variable its name must begin with a letter or _");
    }
    secrets[key] = source;
  }
  return secrets;
}

std::map<std::string, std::string> read_hosts(const Field& field) {
  std::map<std::string, std::string> hosts;
  for (const auto& [key, member] : field.members()) {
    const std::string address = member.text().value_or("");
    const std::string name = ascii_host(key);
    if (!normal_domain(name, false)) member.refuse("this name must be a host name");
    if (member.said() && address != "host-gateway" && !is_address(address)) {
      member.refuse("must be an IP address or host-gateway, got \"" + address + "\"");
    }
    hosts[name] = address;
  }
  return hosts;
}

std::vector<HostMount> read_mounts(const Field& field) {
  std::vector<HostMount> mounts;
  for (const Field& item : field.items()) {
    mounts.push_back({item["host"].absolute_path().value_or(""),
                      item["path"].absolute_path().value_or(""), item["read_only"].flag()});
  }
  return mounts;
}

Resources read_resources(const Field& field) {
  Resources resources;
  resources.nano_cpus = field["cpus"].cpus();
  resources.memory = field["memory"].memory_limit();
  if (const auto pids = field["pids"].number()) resources.pids = *pids;
  return resources;
}

std::optional<HealthCheck> read_health(const Field& field) {
  if (!field.said()) return std::nullopt;
  HealthCheck health;
  health.http = field["http"].text();
  health.port = field["port"].number();
  health.host = field["host"].text();
  health.command = field["command"].words();
  health.disable = field["disable"].flag();
  health.interval = field["interval"].duration(100ms);
  health.timeout = field["timeout"].duration(1ms);
  health.start_period = field["start_period"].duration(0ms);
  health.retries = field["retries"].number();
  if (field["http"].said() && field["command"].said()) {
    field["command"].refuse("only one of `http` and `command` can be said");
  }
  if (health.disable && (health.http || health.command)) {
    field["disable"].refuse("a check that is disabled has neither `http` nor `command`");
  }
  if (health.port && !field.value().has("http")) {
    field["port"].refuse("is the port of `http`, which is not said");
  }
  if (health.host && !field.value().has("http")) {
    field["host"].refuse("is the host that `http` is asked for, which is not said");
  }
  return health;
}

std::optional<Restart> read_restart(const Field& field) {
  const auto text = field.text();
  if (!text) return std::nullopt;
  if (*text == "always") return Restart::always;
  return *text == "never" ? Restart::never : Restart::on_failure;
}

std::vector<std::string> read_paths(const Field& field) {
  std::vector<std::string> paths;
  for (const Field& item : field.items()) paths.push_back(item.absolute_path().value_or(""));
  return paths;
}

// What the main process says at the top level and the others in their own map; `env` apart, which
// is the whole app's there.
ProcessSettings read_process(const Field& field) {
  ProcessSettings process;
  process.command = field["command"].words();
  process.entrypoint = field["entrypoint"].words();
  process.user = field["user"].text();
  process.workdir = field["workdir"].absolute_path();
  process.stop_signal = field["stop_signal"].text();
  process.stop_grace = field["stop_grace"].duration(0ms);
  process.tmpfs = read_paths(field["tmpfs"]);
  process.resources = read_resources(field["resources"]);
  process.health = read_health(field["health"]);
  process.restart = read_restart(field["restart"]);
  return process;
}

std::map<std::string, ProcessSettings> read_processes(const Field& field) {
  std::map<std::string, ProcessSettings> processes;
  for (const auto& [name, member] : field.members()) {
    if (name == "web") {
      member.refuse("`web` is the main process: its settings stand at the top level");
    } else if (!is_name(name, process_name_max)) {
      member.refuse(
          "this name must be made of lower-case letters, digits and dashes, begin with a "
          "letter and have at most 20 characters");
    }
    ProcessSettings process = read_process(member);
    process.env = read_env(member["env"]);
    process.replicas = member["replicas"].number();
    processes[name] = std::move(process);
  }
  return processes;
}

Deploy read_deploy(const Field& field) {
  Deploy deploy;
  if (const auto strategy = field["strategy"].text()) {
    deploy.strategy =
        *strategy == "rolling" ? Deploy::Strategy::rolling : Deploy::Strategy::recreate;
  }
  deploy.replicas = field["replicas"].number();
  deploy.deadline = field["deadline"].duration(1ms);
  deploy.drain = field["drain"].duration(0ms);
  return deploy;
}

std::string read_image(const Field& field) {
  const auto image = field.text();
  if (image && !is_image(*image)) {
    field.refuse("must be an image reference such as ghcr.io/acme/blog:0042, got \"" + *image +
                 "\"");
  }
  return image.value_or("");
}

std::optional<Update> read_update(const Field& field) {
  Update update;
  update.interval = field["interval"].duration(update_interval_min).value_or(update.interval);
  const auto text = field["track"].text();
  if (!text) return std::nullopt;
  Result<Track> track = Track::parse(*text);
  if (!track) {
    field["track"].refuse(track.error().message);
    return std::nullopt;
  }
  update.track = std::move(*track);
  return update;
}

App read_app(const Field& root) {
  App app;
  app.name = root["name"].text().value_or("");
  app.image = read_image(root["image"]);
  app.update = read_update(root["update"]);
  for (const Field& item : root["expose"].items()) app.expose.push_back(read_expose(item));
  app.needs = read_needs(root["needs"]);
  app.env = read_env(root["env"]);
  app.secrets = read_secrets(root["secrets"]);
  app.main = read_process(root);
  app.processes = read_processes(root["processes"]);
  app.hosts = read_hosts(root["hosts"]);
  app.mounts = read_mounts(root["mounts"]);
  for (const Field& item : root["after"].items()) app.after.push_back(item.text().value_or(""));
  app.deploy = read_deploy(root["deploy"]);
  app.suspend = root["suspend"].flag();
  app.reclaim = root["reclaim"].text() == "delete" ? Reclaim::remove : Reclaim::retain;
  app.security = root["security"].text() == "strict" ? Security::strict : Security::standard;
  app.labels = read_labels(root["labels"]);
  return app;
}

ParsedApp parse(const Document& document, bool image_required) {
  Findings findings(document);
  app_schema().check(document, findings);
  const Field root(document, findings);
  ParsedApp parsed;
  if (!document.value.is_object()) {
    parsed.errors = findings.errors();
    return parsed;
  }
  App app = read_app(root);
  check_rules(app, root);
  if (image_required && !document.value.has("image")) root["image"].refuse("is missing");
  parsed.name = is_name(app.name) ? app.name : "";
  parsed.errors = findings.errors();
  if (!parsed.errors.empty()) return parsed;
  app.document = std::make_shared<const Document>(document);
  app.warnings = expose_warnings(app);
  parsed.app = std::move(app);
  return parsed;
}

// "blog.yml:12:3" → 12, for sorting; 0 where there is none.
std::pair<int, int> place_of(const Error& error, const std::string& file) {
  std::pair<int, int> place{0, 0};
  if (error.where.size() <= file.size()) return place;
  std::sscanf(error.where.c_str() + file.size(), ":%d:%d", &place.first, &place.second);
  return place;
}

// Puts the documents of one file together. Of two apps with one name the first one stays.
class Collector {
 public:
  Collector(std::string file, std::vector<Error> errors) : file_(std::move(file)) {
    manifest_.errors = std::move(errors);
  }

  void add(const Document& document, ParsedApp app) {
    const Mark& mark = document.where("name");
    const auto [first, is_new] = names_.emplace(app.name, mark);
    manifest_.errors.insert(manifest_.errors.end(), app.errors.begin(), app.errors.end());
    if (app.name.empty() || is_new) {
      manifest_.apps.push_back(std::move(app));
      return;
    }
    const std::string message =
        "name: \"" + app.name + "\" is already the name of the app at " + first->second.text();
    manifest_.errors.push_back({Code::invalid, message, mark.text()});
  }

  // Its name keeps the app from being taken for removed; its text is never used.
  void add_broken(const BrokenDocument& broken) {
    ParsedApp app;
    if (broken.whole) {
      app = parse(broken.read, true);
    } else if (is_name(broken.read.value["name"].as_string())) {
      app.name = broken.read.value["name"].as_string();
    }
    app.app.reset();
    if (broken.whole || !app.name.empty()) add(broken.read, std::move(app));
  }

  ParsedManifest take() {
    auto& errors = manifest_.errors;
    std::stable_sort(errors.begin(), errors.end(), [this](const Error& a, const Error& b) {
      return place_of(a, file_) < place_of(b, file_);
    });
    if (errors.size() > errors_max) {
      errors.resize(errors_max);
      errors.push_back({Code::invalid, "has more errors than these: the rest is left out", file_});
    }
    return std::move(manifest_);
  }

 private:
  std::string file_;
  std::map<std::string, Mark> names_;
  ParsedManifest manifest_;
};

}  // namespace

std::string App::where(const std::string& path) const {
  if (!document) return "";
  Mark mark = document->where(path);
  mark.column = 0;
  return mark.text();
}

ParsedApp parse_app(const Document& document) { return parse(document, false); }

ParsedManifest parse_manifest(const std::string& file, std::string_view text) {
  ParsedFile parsed = parse_file(file, text);
  Collector collector(file, std::move(parsed.errors));
  for (const Document& document : parsed.documents) {
    collector.add(document, parse(document, true));
  }
  for (const BrokenDocument& broken : parsed.broken) collector.add_broken(broken);
  return collector.take();
}

}  // namespace fairlead
