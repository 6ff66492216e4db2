#include "providers/docker/resolve.h"

#include <algorithm>
#include <utility>

#include "providers/docker/backends.h"
#include "providers/docker/interpolate.h"
#include "providers/docker/labels.h"
#include "providers/docker/limits.h"

namespace fairlead::docker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds default_stop_grace{10};
constexpr int addresses_beside_containers = 8;  // gateway, network, broadcast, services

template <typename T>
std::optional<T> first_of(const std::optional<T>& a, const std::optional<T>& b) {
  return a ? a : b;
}

// Resolves one process of one app. Values of the fingerprint are gathered beside the request body,
// so that a default that is added here later changes no fingerprint.
class ProcessResolver {
 public:
  ProcessResolver(const Keys& keys, const ResolveInput& input, const Graph& graph,
                  std::string process, const ProcessSettings& own)
      : keys_(keys), app_(*input.app), input_(input), graph_(graph), own_(own) {
    spec_.app = app_.name;
    spec_.process = std::move(process);
    main_ = spec_.process == main_process;
    base_ = main_ ? "" : "processes." + spec_.process + ".";
  }

  Result<ContainerSpec> resolve() {
    spec_.image = app_.image;
    spec_.image_id = input_.image_id;
    say("image", app_.image, "image");
    if (input_.says_image_id) say("image_id", input_.image_id, "image");
    spec_.body = Json::object({{"Image", app_.image}});
    programme();
    if (Result<void> done = secrets(); !done) return done.error();
    if (Result<void> done = environment(); !done) return done.error();
    stopping();
    health();
    if (Result<void> done = host_config(); !done) return done.error();
    runtime();
    labels();
    finish();
    return std::move(spec_);
  }

  const std::vector<Setting>& shown_limits() const { return shown_limits_; }

 private:
  // A field that goes into the fingerprint, because the manifest says it.
  void say(const std::string& field, std::string value, const std::string& path) {
    values_[field] = std::move(value);
    paths_[field] = path;
  }
  void say(const std::string& field, const Json& value, const std::string& path) {
    say(field, value.canonical(), path);
  }
  // Where a setting that runners inherit stands: at the process, or at the app.
  template <typename T>
  std::string path_of(const std::optional<T>& own, const std::string& field) const {
    return own ? base_ + field : field;
  }

  void list(const std::string& field, const char* key,
            const std::optional<std::vector<std::string>>& value, const std::string& path) {
    if (!value) return;
    spec_.body.set(key, Json(*value));
    say(field, Json(*value), path);
  }
  void text(const std::string& field, const char* key, const std::optional<std::string>& own,
            const std::optional<std::string>& inherited) {
    const auto value = first_of(own, inherited);
    if (!value) return;
    spec_.body.set(key, *value);
    say(field, *value, path_of(own, field));
  }

  void programme() {
    list("command", "Cmd", own_.command, base_ + "command");
    list("entrypoint", "Entrypoint", first_of(own_.entrypoint, app_.main.entrypoint),
         path_of(own_.entrypoint, "entrypoint"));
    text("user", "User", own_.user, app_.main.user);
    text("workdir", "WorkingDir", own_.workdir, app_.main.workdir);
    text("stop_signal", "StopSignal", own_.stop_signal, app_.main.stop_signal);
  }

  Result<void> environment() {
    std::map<std::string, std::string> env = graph_.env;
    if (!env.empty()) {
      Json given = Json::object();
      for (const auto& [key, value] : env) given.set(key, value);
      say("services", given, "needs");
    }
    if (main_ && !app_.expose.empty()) {
      const std::string port = std::to_string(app_.expose.front().port);
      env["PORT"] = port;
      say("port", port, "expose[0].port");
    }
    if (app_.needs.storage && mounts_storage()) env["STORAGE_PATH"] = app_.needs.storage->path;
    const std::map<std::string, std::string> given = given_names();
    if (Result<void> done = take_env(app_.env, "env.", given, env); !done) return done;
    if (Result<void> done = take_env(own_.env, base_ + "env.", given, env); !done) return done;
    env.insert(secret_env_.begin(), secret_env_.end());
    Json list = Json::array();
    for (const auto& [key, value] : env) list.push(key + "=" + value);
    if (!list.empty()) spec_.body.set("Env", list);
    return {};
  }

  // What the manifest's `env` can name. PORT and STORAGE_PATH, too, of those processes that are not
  // told them: the app's `env` is the same text for all.
  std::map<std::string, std::string> given_names() const {
    std::map<std::string, std::string> given = graph_.env;
    if (!app_.expose.empty()) given["PORT"] = std::to_string(app_.expose.front().port);
    if (app_.needs.storage) given["STORAGE_PATH"] = app_.needs.storage->path;
    given.insert(secret_env_.begin(), secret_env_.end());
    return given;
  }

  // Text into which nothing is put goes into the fingerprint as it is written, `$$` too: so it did
  // before `$$` meant a dollar.
  Result<void> take_env(const std::map<std::string, std::string>& said, const std::string& path,
                        const std::map<std::string, std::string>& given,
                        std::map<std::string, std::string>& env) {
    for (const auto& [key, value] : said) {
      Result<Interpolated> made = interpolate(value, given);
      if (!made) {
        return Error{Code::invalid, path + key + ": " + made.error().message,
                     app_.where(path + key)};
      }
      say("env." + key, made->replaced ? made->text : value, path + key);
      env[key] = std::move(made->text);
    }
    return {};
  }

  Result<void> secrets() {
    for (const auto& [name, source] : app_.secrets) {
      Result<Secret> content = secret(name, source);
      if (!content) return content.error();
      const std::string digest = keys_.digest("secret", content->reveal());
      say("secret." + name, digest + (source.as_env ? " env" : " file"), "secrets." + name);
      if (source.as_env) {
        secret_env_[name] = without_line_end(content->reveal());
        continue;
      }
      spec_.secrets.push_back(
          {name, app_.name + "/" + name + "." + digest.substr(0, 8), std::move(*content)});
    }
    return {};
  }

  Result<Secret> secret(const std::string& name, const SecretSource& source) const {
    if (source.generate) {
      return keys_.derive("secret/" + app_.name + "/" + name,
                          static_cast<std::size_t>(*source.generate));
    }
    const std::string file = source.file.value_or("");
    const auto found = input_.secrets->find(file);
    if (found == input_.secrets->end()) {
      return Error{Code::invalid,
                   "secrets." + name + ": there is no file " + input_.platform->folders.secrets +
                       "/" + file + "; put it there, or correct the name",
                   app_.where("secrets." + name)};
    }
    return found->second;
  }

  void stopping() {
    const auto grace = first_of(own_.stop_grace, app_.main.stop_grace);
    spec_.stop_grace = grace ? Duration(*grace) : Duration(default_stop_grace);
    const auto whole = std::chrono::ceil<seconds>(spec_.stop_grace).count();
    spec_.body.set("StopTimeout", static_cast<std::int64_t>(whole));
    if (grace) say("stop_grace", std::to_string(whole), path_of(own_.stop_grace, "stop_grace"));
  }

  void health() {
    const HealthCheck* check = own_.health ? &*own_.health : nullptr;
    // A runner with a command of its own is another program than the one that the image's
    // HEALTHCHECK asks.
    const bool not_asked = !check && !main_ && own_.command.has_value();
    const HealthCheck none;
    const HealthCheck& said = check ? *check : none;
    spec_.health_interval = said.interval.value_or(milliseconds(5000));
    spec_.health_timeout = said.timeout.value_or(milliseconds(5000));
    spec_.health_start_period = said.start_period.value_or(milliseconds(0));
    spec_.health_retries = said.retries.value_or(3);
    if (said.http) {
      const int port = said.port.value_or(app_.expose.empty() ? 0 : app_.expose.front().port);
      spec_.http = ContainerSpec::HttpHealth{*said.http, port, said.host.value_or(domain())};
    }
    const bool checked = said.disable || said.command || said.http || restarts() != Restart::always;
    for (const Expose& expose : main_ && !checked ? app_.expose : std::vector<Expose>()) {
      const auto& ports = spec_.ports;
      const bool twice = std::find(ports.begin(), ports.end(), expose.port) != ports.end();
      if (!twice) spec_.ports.push_back(expose.port);
    }
    const bool off = not_asked || said.disable || said.http.has_value();
    Json health;
    if (off) {
      health = Json::object({{"Test", Json(std::vector<std::string>{"NONE"})}});
    } else if (check) {
      health = engine_health(said);
    }
    if (health.is_null()) return;
    spec_.body.set("Healthcheck", health);
    // That fairlead asks instead of the engine is no part of the container; how the engine asks is.
    if (check && !said.http) say("health", health, base_ + "health");
  }

  // The name by which visitors know the main process: many apps refuse to answer to another one.
  std::string domain() const {
    for (const Expose& expose : main_ ? app_.expose : std::vector<Expose>()) {
      for (const std::string& name : expose.domains) {
        if (!name.starts_with("*.")) return name;
      }
    }
    return "";
  }

  static Json engine_health(const HealthCheck& said) {
    Json health = Json::object();
    if (said.command) {
      Json test = Json::array({"CMD"});
      for (const std::string& word : *said.command) test.push(word);
      health.set("Test", test);
    }
    const auto time = [&](const char* key, const std::optional<Milliseconds>& value) {
      if (value) health.set(key, static_cast<std::int64_t>(Duration(*value).count()));
    };
    time("Interval", said.interval);
    time("Timeout", said.timeout);
    time("StartPeriod", said.start_period);
    if (said.retries) health.set("Retries", *said.retries);
    return health;
  }

  Result<void> host_config() {
    Json host = Json::object({{"NetworkMode", network_name(app_.name)}, {"Init", true}});
    security(host);
    if (Result<void> done = mounts(host); !done) return done;
    tmpfs(host);
    ports(host);
    if (!app_.hosts.empty()) {
      Json hosts = Json::array();
      for (const auto& [name, address] : app_.hosts) {
        hosts.push(name + ":" + address);
        say("hosts." + name, address, "hosts." + name);
      }
      host.set("ExtraHosts", hosts);
    }
    const Platform::Log& log = input_.platform->log;
    host.set("LogConfig",
             Json::object(
                 {{"Type", "json-file"},
                  {"Config", Json::object({{"max-size", std::to_string(log.container_bytes)},
                                           {"max-file", std::to_string(log.container_files)}})}}));
    spec_.body.set("HostConfig", host);
    return {};
  }

  void security(Json& host) {
    const bool strict = app_.security == Security::strict;
    host.set("SecurityOpt", Json(std::vector<std::string>{"no-new-privileges"}));
    host.set("CapDrop",
             strict ? Json(std::vector<std::string>{"ALL"})
                    : Json(std::vector<std::string>{"NET_RAW", "MKNOD", "AUDIT_WRITE", "SETFCAP"}));
    if (!strict) return;
    host.set("ReadonlyRootfs", true);
    say("security", std::string("strict"), "security");
  }

  Restart restarts() const { return own_.restart.value_or(Restart::always); }
  bool mounts_storage() const { return main_ || app_.needs.storage->shared; }

  static Json bind(const HostMount& mount) {
    return Json::object({{"Type", "bind"},
                         {"Source", mount.host},
                         {"Target", mount.path},
                         {"ReadOnly", mount.read_only}});
  }

  Result<void> mounts(Json& host) {
    Json mounts = Json::array();
    if (app_.needs.storage && mounts_storage()) {
      const Storage& storage = *app_.needs.storage;
      spec_.stores = true;
      say("storage", storage.path, "needs");
      mounts.push(Json::object({{"Type", "volume"},
                                {"Source", Identity{"volume", app_.name, "", "", 1}.name()},
                                {"Target", storage.path}}));
      owner(storage);
    }
    for (const HostMount& mount : app_.mounts) {
      const auto& roots = input_.platform->mount_roots;
      const bool allowed = std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
        return mount.host == root || mount.host.compare(0, root.size() + 1, root + "/") == 0;
      });
      if (!allowed) {
        return Error{Code::invalid,
                     "mounts: " + mount.host + " is below none of the platform file's " +
                         "mount_roots; add its root there, or use `needs: [storage]`",
                     app_.where("mounts")};
      }
      mounts.push(bind(mount));
      say("mount." + mount.path, mount.host + (mount.read_only ? " ro" : " rw"), "mounts");
    }
    for (const HostMount& mount : main_ ? graph_.mounts : std::vector<HostMount>()) {
      mounts.push(bind(mount));
      say("mount." + mount.path, mount.host + (mount.read_only ? " ro" : " rw"), "image");
    }
    for (const SecretFile& file : spec_.secrets) {
      mounts.push(
          Json::object({{"Type", "bind"},
                        {"Source", input_.platform->folders.mounted_secrets + "/" + file.path},
                        {"Target", "/run/secrets/" + file.name},
                        {"ReadOnly", true}}));
    }
    if (!mounts.empty()) host.set("Mounts", mounts);
    return {};
  }

  // What the process runs as is in the fingerprint anyway.
  void owner(const Storage& storage) {
    spec_.stored_at = storage.path;
    if (storage.owner) {
      spec_.owner = {*storage.owner, "needs", true};
      say("storage.owner", *storage.owner, "needs");
    } else if (const auto& user = app_.main.user) {
      const std::string name = user->substr(0, user->find(':'));
      if (name != "root" && name != "0") spec_.owner = {*user, "user", false};
    }
  }

  void tmpfs(Json& host) {
    const auto& paths = own_.tmpfs.empty() ? app_.main.tmpfs : own_.tmpfs;
    if (paths.empty()) return;
    Json tmpfs = Json::object();
    for (const std::string& path : paths) tmpfs.set(path, "");
    host.set("Tmpfs", tmpfs);
    say("tmpfs", tmpfs, own_.tmpfs.empty() ? "tmpfs" : base_ + "tmpfs");
  }

  void ports(Json& host) {
    if (!main_) return;
    Json bindings = Json::object();
    Json exposed = Json::object();
    const auto publish = [&](const Expose& expose, const std::string& path) {
      const std::string port = std::to_string(expose.port) + "/tcp";
      const std::string host_port = std::to_string(expose.publish->port);
      Json all = bindings[port];
      // The engine takes no address for all there are, those of IPv6 too. The fingerprint goes on
      // with what is said, or every edge that runs would be made anew.
      const std::string address = expose.publish->both_families ? "" : expose.publish->address;
      all.push(Json::object({{"HostIp", address}, {"HostPort", host_port}}));
      bindings.set(port, all);
      exposed.set(port, Json::object());
      say("publish." + expose.publish->address + ":" + host_port, port, path);
      spec_.publishes.push_back(*expose.publish);
    };
    for (std::size_t i = 0; i < app_.expose.size(); ++i) {
      if (app_.expose[i].publish) {
        publish(app_.expose[i], "expose[" + std::to_string(i) + "].publish");
      }
    }
    for (const Expose& demanded : graph_.publishes) publish(demanded, "image");
    if (spec_.publishes.empty()) return;
    host.set("PortBindings", bindings);
    spec_.body.set("ExposedPorts", exposed);
  }

  // What stays out of the fingerprint, because it can be changed live or is no part of the
  // container.
  void runtime() {
    EffectiveLimits effective = limits_of(app_, spec_.process, base_, own_, *input_.platform);
    spec_.limits = effective.limits;
    shown_limits_ = std::move(effective.shown);
    const Restart restart = restarts();
    spec_.once = restart != Restart::always;
    spec_.restart = restart == Restart::always       ? "unless-stopped"
                    : restart == Restart::on_failure ? "on-failure"
                                                     : "no";
    spec_.replicas = main_ ? app_.deploy.replicas.value_or(1) : own_.replicas.value_or(1);
    if (app_.deploy.deadline) spec_.deadline = Duration(*app_.deploy.deadline);
    const bool exclusive = spec_.stores && !app_.needs.storage->shared;
    const bool wished = app_.deploy.strategy == Deploy::Strategy::recreate;
    spec_.recreate = exclusive || !spec_.publishes.empty() || wished;
  }

  void labels() {
    spec_.labels = Json::object();
    for (const auto& [key, value] : app_.labels) {
      spec_.labels.set(key, value);
      say("label." + key, value, "labels." + key);
    }
  }

  void finish() {
    for (const auto& [name, value] : values_) {
      spec_.fields[name] = {keys_.digest("field", name + "\n" + value).substr(0, 6), paths_[name]};
    }
    spec_.fingerprint = fingerprint_of(keys_, values_);
    std::string fields;
    for (const auto& [name, field] : spec_.fields) {
      fields += (fields.empty() ? "" : " ") + name + "=" + field.digest;
    }
    spec_.labels.set(label::fields, fields);
    const Mark* source = app_.document ? &app_.document->start : nullptr;
    spec_.labels.set(label::source, source ? source->file : "");
  }

  const Keys& keys_;
  const App& app_;
  const ResolveInput& input_;
  const Graph& graph_;
  const ProcessSettings& own_;
  bool main_ = false;
  std::string base_;  // of the process's fields in the manifest: "processes.worker." or ""
  std::map<std::string, std::string> secret_env_;  // of secrets that say `as: env`
  std::map<std::string, std::string> values_;  // field → its value, as it goes into the fingerprint
  std::map<std::string, std::string> paths_;  // field → its place in the manifest
  std::vector<Setting> shown_limits_;
  ContainerSpec spec_;
};

int prefix_for(int containers) {
  // Old and new stand side by side during a deploy.
  const int wanted = 2 * containers + addresses_beside_containers + 8;
  int prefix = 26;
  while (prefix > 16 && (1 << (32 - prefix)) < wanted) --prefix;
  return prefix;
}

Result<void> add_process(const Keys& keys, const ResolveInput& input, Graph& graph,
                         const std::string& process, const ProcessSettings& settings) {
  ProcessResolver resolver(keys, input, graph, process, settings);
  Result<ContainerSpec> spec = resolver.resolve();
  if (!spec) return spec.error();
  graph.limits.insert(graph.limits.end(), resolver.shown_limits().begin(),
                      resolver.shown_limits().end());
  Resource resource;
  resource.kind = "container";
  resource.name = input.app->name + "." + process;
  resource.needs.push_back("network " + network_name(input.app->name));
  if (spec->stores) resource.needs.push_back("volume " + input.app->name + ".data");
  graph.revision += (graph.revision.empty() ? "" : " ") + process + "=" + spec->short_fingerprint();
  resource.spec = std::make_shared<ContainerSpec>(std::move(*spec));
  graph.resources.push_back(std::move(resource));
  return {};
}

}  // namespace

std::string fingerprint_of(const Keys& keys, const std::map<std::string, std::string>& values) {
  Json all = Json::object();
  for (const auto& [name, value] : values) all.set(name, value);
  return keys.digest("fingerprint", all.canonical()).substr(0, 32);
}

Result<void> resolve_app(const Keys& keys, const ResolveInput& input, Graph& graph) {
  const App& app = *input.app;
  int containers = app.deploy.replicas.value_or(1);
  for (const auto& [name, settings] : app.processes) containers += settings.replicas.value_or(1);
  auto network = std::make_shared<NetworkSpec>();
  network->prefix = prefix_for(containers);
  graph.resources.push_back({"network", network_name(app.name), {}, network, ""});
  if (app.needs.storage) {
    graph.resources.push_back(
        {"volume", app.name + ".data", {}, std::make_shared<VolumeSpec>(), ""});
  }
  if (Result<void> done = add_process(keys, input, graph, main_process, app.main); !done)
    return done;
  for (const auto& [name, settings] : app.processes) {
    if (Result<void> done = add_process(keys, input, graph, name, settings); !done) return done;
  }
  return {};
}

std::vector<std::shared_ptr<const ContainerSpec>> container_specs(const Graph& graph) {
  std::vector<std::shared_ptr<const ContainerSpec>> specs;
  for (const Resource& resource : graph.resources) {
    if (auto spec = std::dynamic_pointer_cast<const ContainerSpec>(resource.spec)) {
      specs.push_back(std::move(spec));
    }
  }
  return specs;
}

}  // namespace fairlead::docker
