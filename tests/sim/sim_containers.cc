#include <algorithm>

#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_inspect.h"
#include "tests/tar_builder.h"

// Containers as objects: routes, create, rename, update, logs. Error texts as measured.
namespace fairlead::sim {
namespace {

constexpr std::int64_t memory_min = 6 << 20;

bool valid_name(const std::string& name) {
  const auto inner = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
  };
  return name.size() >= 2 && std::isalnum(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), inner);
}

// What the engine sets where a create says nothing.
const Json& host_defaults() {
  static const Json defaults = *Json::parse(
      R"({"Binds":null,"LogConfig":{"Type":"json-file","Config":{}},"NetworkMode":"default",
"PortBindings":null,"RestartPolicy":{"Name":"","MaximumRetryCount":0},"AutoRemove":false,
"VolumesFrom":null,"CapAdd":null,"CapDrop":null,"CgroupnsMode":"host","Dns":null,"DnsOptions":null,
"DnsSearch":null,"ExtraHosts":null,"GroupAdd":null,"IpcMode":"private","Links":null,"OomScoreAdj":0,
"PidMode":"","Privileged":false,"PublishAllPorts":false,"ReadonlyRootfs":false,"SecurityOpt":null,
"UTSMode":"","UsernsMode":"","ShmSize":67108864,"Runtime":"runc","CpuShares":0,"Memory":0,
"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"CpuPeriod":0,"CpuQuota":0,"CpusetCpus":"",
"CpusetMems":"","Devices":null,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":null,
"OomKillDisable":false,"PidsLimit":null,"Ulimits":null})");
  return defaults;
}

const Json& config_defaults() {
  static const Json defaults = *Json::parse(
      R"({"Hostname":"","Domainname":"","User":"","Tty":false,"OpenStdin":false,"Env":null,
"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,
"Labels":{}})");
  return defaults;
}

Json host_config_of(const Json& given, bool newer) {
  Json host = host_defaults();
  for (const auto& [key, value] : given.members()) {
    if (!value.is_null()) host.set(key, value);
  }
  Json policy = host["RestartPolicy"];
  if (newer && policy["Name"].empty()) policy.set("Name", "no");
  policy.set("MaximumRetryCount", policy["MaximumRetryCount"].as_int());
  host.set("RestartPolicy", policy);
  const std::int64_t memory = host["Memory"].as_int();
  if (memory > 0 && host["MemorySwap"].as_int() == 0) host.set("MemorySwap", 2 * memory);
  if (!host["PidsLimit"].is_null() && host["PidsLimit"].as_int() <= 0) {
    host.set("PidsLimit", Json());
  }
  return host;
}

Json env_of(const SimImage& image, const Json& given) {
  Json env = Json::array();
  const std::vector<std::string> ours = to_strings(given);
  const auto key = [](const std::string& pair) { return pair.substr(0, pair.find('=')); };
  for (const std::string& pair : ours) env.push(pair);
  for (const std::string& pair : image.env) {
    const bool said = std::any_of(ours.begin(), ours.end(),
                                  [&](const std::string& own) { return key(own) == key(pair); });
    if (!said) env.push(pair);
  }
  return env;
}

Json config_of(const SimImage& image, const Json& body) {
  Json config = config_defaults();
  for (const auto& [key, value] : body.members()) {
    if (key != "HostConfig" && key != "NetworkingConfig" && !value.is_null()) {
      config.set(key, value);
    }
  }
  config.set("Env", env_of(image, body["Env"]));
  const bool own_entrypoint = !body["Entrypoint"].is_null();
  if (!own_entrypoint && !image.entrypoint.empty()) config.set("Entrypoint", image.entrypoint);
  // An entrypoint of the container's own drops the image's command.
  if (body["Cmd"].empty() && !own_entrypoint && !image.cmd.empty()) config.set("Cmd", image.cmd);
  Json labels = to_json(image.labels);
  for (const auto& [key, value] : body["Labels"].members()) labels.set(key, value);
  config.set("Labels", labels);
  Json health = image.healthcheck;
  for (const auto& [key, value] : body["Healthcheck"].members()) {
    if (!value.empty()) health.set(key, value);
  }
  if (!health.is_null()) config.set("Healthcheck", health);
  return config;
}

Program program_of(const SimImage& image, const Json& config) {
  std::vector<std::string> words = to_strings(config["Entrypoint"]);
  for (const std::string& word : to_strings(config["Cmd"])) words.push_back(word);
  const auto found = image.programs.find(join(words, " "));
  return found == image.programs.end() ? image.program : found->second;
}

SimEndpoint endpoint_of(const std::string& network, const Json& settings) {
  SimEndpoint endpoint;
  endpoint.network = network;
  endpoint.fixed_address = settings["IPAMConfig"]["IPv4Address"].as_string();
  endpoint.aliases = to_strings(settings["Aliases"]);
  return endpoint;
}

std::optional<Answer> refuse_name(const std::string& name) {
  if (valid_name(name)) return std::nullopt;
  return answer_error(
      400, "Invalid container name (" + name + "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
}

std::optional<Answer> refuse_policy(const Json& policy, bool newer) {
  static const std::set<std::string> known{"", "no", "always", "on-failure", "unless-stopped"};
  const std::string& name = policy["Name"].as_string();
  if (known.count(name) == 0) {
    return answer_error(400, newer ? "invalid restart policy: unknown policy '" + name +
                                         "'; use one of 'no', 'always', 'on-failure', or "
                                         "'unless-stopped'"
                                   : "invalid restart policy '" + name + "'");
  }
  if (policy["MaximumRetryCount"].as_int() != 0 && name != "on-failure") {
    return answer_error(
        400, newer ? "invalid restart policy: maximum retry count can only be used with "
                     "'on-failure'"
                   : "maximum retry count cannot be used with restart policy '" + name + "'");
  }
  return std::nullopt;
}

// Only what fairlead sends: the folder that a volume is mounted at.
Answer put_archive(const HttpCall& call, const Target& target, const SimContainer& container,
                   std::map<std::string, SimVolume>& volumes) {
  if (container.host_config["ReadonlyRootfs"].as_bool()) {
    return answer_error(500, "container rootfs is marked read-only");
  }
  const std::string path = target.word("path") + "/";
  for (const Json& mount : container.host_config["Mounts"].items()) {
    const std::string& at = mount["Target"].as_string();
    if (mount["Type"].as_string() != "volume" || !at.starts_with(path)) continue;
    const Result<FolderEntry> folder = first_folder(call.body, at.substr(path.size()));
    if (!folder) return answer_error(500, folder.error().message);
    volumes.at(mount["Source"].as_string()).folder = *folder;
    return answer_empty(200);
  }
  return answer_error(
      404, "Could not find the file " + target.word("path") + " in container " + target.part(1));
}

}  // namespace

std::string SimContainer::status() const {
  if (running) return paused ? "paused" : restarting ? "restarting" : "running";
  if (removing) return "removing";
  return ever_started ? "exited" : "created";
}

SimContainer* SimEngine::find_container(const std::string& name_or_id) {
  if (auto found = containers_.find(name_or_id); found != containers_.end()) return &found->second;
  const std::string name = name_or_id.starts_with("/") ? name_or_id.substr(1) : name_or_id;
  SimContainer* by_prefix = nullptr;
  for (auto& [id, container] : containers_) {
    if (container.name == name) return &container;
    if (name_or_id.size() >= 4 && id.starts_with(name_or_id)) by_prefix = &container;
  }
  return by_prefix;
}

const SimContainer* SimEngine::container(const std::string& name_or_id) const {
  return const_cast<SimEngine*>(this)->find_container(name_or_id);
}

const SimContainer* SimEngine::container_at(const std::string& address) const {
  for (const auto& [id, container] : containers_) {
    for (const auto& [name, endpoint] : container.endpoints) {
      if (container.running && !endpoint.endpoint_id.empty() && endpoint.address == address) {
        return &container;
      }
    }
  }
  return nullptr;
}

SimEngine::Handler SimEngine::route_container(const HttpCall& call, const Target& target,
                                              Ticket ticket) {
  const std::string& name = target.part(1);
  if (name == "json" && call.method == "GET") return list_containers(target);
  if (name == "create" && call.method == "POST") return create_container(call, target);
  SimContainer* container = find_container(name);
  if (!container) {
    const std::string missing = "No such container: " + name;
    const bool kill = target.part(2) == "kill";
    if (kill && !newer())
      return answer_error(404, "Cannot kill container: " + name + ": " + missing);
    if (call.method == "POST" && target.part(2) == "json")
      return answer_error(404, "page not found");
    return answer_error(404, missing);
  }
  if (call.method == "DELETE" && target.parts.size() == 2)
    return remove(*container, target, ticket);
  if (call.method == "GET" && target.part(2) == "json")
    return answer_json(200, inspect_json(*container, newer()));
  if (call.method == "GET" && target.part(2) == "logs") return logs(target, *container);
  if (target.part(2) == "archive") return archive(call, target, *container);
  if (call.method == "POST") return act_on_container(call, target, *container, ticket);
  return answer_error(404, "page not found");
}

SimEngine::Handler SimEngine::act_on_container(const HttpCall& call, const Target& target,
                                               SimContainer& container, Ticket ticket) {
  const std::string& act = target.part(2);
  if (act == "start") return start(container);
  if (act == "stop") return stop(container, target, ticket);
  if (act == "restart") return restart(container, target, ticket);
  if (act == "kill") return kill(container, target, ticket);
  if (act == "pause") return pause(container, true);
  if (act == "unpause") return pause(container, false);
  if (act == "rename") return rename(container, target.word("name"));
  if (act == "update") return update(call, container);
  return answer_error(404, "page not found");
}

std::optional<Answer> SimEngine::refuse_taken(const std::string& name,
                                              const std::string& prefix) const {
  const auto holder = std::find_if(containers_.begin(), containers_.end(),
                                   [&](const auto& entry) { return entry.second.name == name; });
  if (holder == containers_.end()) return std::nullopt;
  return answer_error(409, prefix + "Conflict. The container name \"/" + name +
                               "\" is already in use by container \"" + holder->first +
                               "\". You have to remove (or rename) that container to be able to "
                               "reuse that name.");
}

std::optional<Answer> SimEngine::refuse_mount(const Json& mount) const {
  const std::string type = mount["Type"].as_string();
  const std::string prefix = "invalid mount config for type \"" + type + "\": ";
  const std::string& path = mount["Target"].as_string();
  const std::string& source = mount["Source"].as_string();
  if (!path.starts_with("/")) {
    return answer_error(400,
                        prefix + "invalid mount path: '" + path + "' mount path must be absolute");
  }
  if (type != "bind") return std::nullopt;
  if (host_paths_.count(source) > 0 || (exists_ && exists_(source))) return std::nullopt;
  return answer_error(400, prefix + "bind source path does not exist: " + source);
}

std::optional<Answer> SimEngine::refuse_settings(const Json& body) const {
  const Json& host = body["HostConfig"];
  const std::int64_t memory = host["Memory"].as_int();
  if (memory != 0 && memory < memory_min) {
    return answer_error(400, "Minimum memory limit allowed is 6MB");
  }
  if (host["NanoCpus"].as_int() > 2'000'000'000) {
    return answer_error(400,
                        "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
  }
  if (auto refused = refuse_policy(host["RestartPolicy"], newer())) return refused;
  const std::string policy = host["RestartPolicy"]["Name"].as_string();
  if (host["AutoRemove"].as_bool() && !policy.empty() && policy != "no") {
    return answer_error(400, "can't create 'AutoRemove' container with restart policy");
  }
  for (const auto& [option, value] : host["LogConfig"]["Config"].members()) {
    if (option == "max-size" || option == "max-file" || option == "compress") continue;
    return answer_error(400, "unknown log opt '" + option + "' for json-file log driver");
  }
  const std::int64_t interval = body["Healthcheck"]["Interval"].as_int();
  if (interval > 0 && interval < 1'000'000) {
    return answer_error(400, "Interval in Healthcheck cannot be less than 1ms");
  }
  for (const Json& mount : host["Mounts"].items()) {
    if (auto refused = refuse_mount(mount)) return refused;
  }
  return std::nullopt;
}

std::optional<Answer> SimEngine::refuse_endpoints(const Json& endpoints, int version) const {
  const bool several = newer() && (version == 0 || version >= 44);
  if (endpoints.members().size() > 1 && !several) {
    std::vector<std::string> names;
    for (const auto& [name, settings] : endpoints.members()) names.push_back(name);
    std::sort(names.begin(), names.end());
    return answer_error(400,
                        "Container cannot be connected to network endpoints: " + join(names, ", "));
  }
  if (!newer()) return std::nullopt;  // found out at start
  for (const auto& [name, settings] : endpoints.members()) {
    const auto address = parse_address(settings["IPAMConfig"]["IPv4Address"].as_string());
    const std::string prefix =
        "invalid config for network " + name + ": invalid endpoint settings:\n";
    for (const auto& [id, network] : networks_) {
      if (network.name != name || !address) continue;
      if (!network.user_subnet) {
        return answer_error(400, prefix +
                                     "user specified IP address is supported only when "
                                     "connecting to networks with user configured subnets");
      }
      if (!Subnet{network.base, network.prefix}.contains(*address)) {
        return answer_error(400, prefix +
                                     "no configured subnet or ip-range contain the IP address " +
                                     format_address(*address));
      }
    }
  }
  return std::nullopt;
}

Answer SimEngine::create_container(const HttpCall& call, const Target& target) {
  auto [body, bad_body] = body_of(call);
  if (bad_body) return *bad_body;
  std::string name = target.word("name");
  if (name.empty()) name = "unnamed_" + random_.hex(8);
  if (auto refused = refuse_settings(body)) return *refused;
  const Json& endpoints = body["NetworkingConfig"]["EndpointsConfig"];
  if (auto refused = refuse_endpoints(endpoints, target.version)) return *refused;
  const SimImage* image = find_image(body["Image"].as_string());
  if (!image) return answer_error(404, "No such image: " + body["Image"].as_string());

  SimContainer made;
  made.config = config_of(*image, body);
  if (made.config["Cmd"].empty() && made.config["Entrypoint"].empty()) {
    return answer_error(400, newer() ? "no command specified" : "No command specified");
  }
  if (auto refused = refuse_name(name)) return *refused;
  if (auto refused = refuse_taken(name, "")) return *refused;
  made.id = random_.hex(64);
  made.name = name;
  made.image = body["Image"].as_string();
  made.image_id = image->id;
  made.host_config = host_config_of(body["HostConfig"], newer());
  made.labels = to_labels(made.config["Labels"]);
  made.program = program_of(*image, made.config);
  made.files = image->files;
  made.folders = image->folders;
  made.created = now_;
  if (made.config["Hostname"].empty()) made.config.set("Hostname", made.id.substr(0, 12));
  const std::string mode = made.host_config["NetworkMode"].as_string();
  const std::string home = mode == "default" ? "bridge" : mode;
  if (home != "none" && home != "host") made.endpoints[home] = endpoint_of(home, endpoints[home]);
  for (const auto& [network, settings] : endpoints.members()) {
    made.endpoints[network] = endpoint_of(network, settings);
  }
  use_volumes(made);
  emit(made, "create");
  const Answer answer =
      answer_json(201, Json::object({{"Id", made.id}, {"Warnings", Json::array()}}));
  containers_[made.id] = std::move(made);
  return answer;
}

void SimEngine::use_volumes(const SimContainer& container) {
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Type"].as_string() != "volume") continue;
    const std::string& name = mount["Source"].as_string();
    const bool fresh = volumes_.count(name) == 0;
    if (fresh) {
      SimVolume made;
      made.name = name;
      made.created = now_;
      const Json& labels = mount["VolumeOptions"]["Labels"];
      if (!labels.is_null()) made.labels = to_labels(labels);
      volumes_[name] = std::move(made);
    }
    // An empty volume takes the owner of the image's folder, whenever a container is made.
    const auto folder = container.folders.find(mount["Target"].as_string());
    const bool copies = !mount["VolumeOptions"]["NoCopy"].as_bool();
    SimVolume& volume = volumes_[name];
    if (copies && volume.empty && folder != container.folders.end()) volume.folder = folder->second;
    if (fresh || !newer()) emit("volume", "create", name, {{"driver", "local"}});
  }
}

Answer SimEngine::rename(SimContainer& container, const std::string& name) {
  if (name.empty()) return answer_error(400, "Neither old nor new names may be empty");
  if (name == container.name) {
    return answer_error(400, "Renaming a container with the same name as its current name");
  }
  if (!valid_name(name)) {
    return answer_error(400, "Error when allocating new name: Invalid container name (" + name +
                                 "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  }
  if (auto refused = refuse_taken(name, "Error when allocating new name: ")) return *refused;
  // Between two runs of a crash loop it has no network to be renamed in.
  if (container.restarting) {
    return answer_error(404, "sandbox " + container.id + " not found");
  }
  const std::string old = std::exchange(container.name, name);
  emit(container, "rename", {{"oldName", "/" + old}});
  return answer_empty(204);
}

Answer SimEngine::update(const HttpCall& call, SimContainer& container) {
  const auto [body, bad_body] = body_of(call);
  if (bad_body) return *bad_body;
  if (auto refused = refuse_settings(Json::object({{"HostConfig", body}}))) return *refused;
  const auto conflict = [&](const std::string& why) {
    return answer_error(409, "Cannot update container " + container.id + ": " + why);
  };
  if (container.removing) {
    return conflict("Container is marked for removal and cannot be \"update\".");
  }
  Json host = container.host_config;
  const std::int64_t memory = body["Memory"].as_int();
  const std::int64_t swap = body["MemorySwap"].as_int();
  const std::int64_t swap_set = host["MemorySwap"].as_int();
  if (memory > 0 && swap == 0 && swap_set > 0 && memory > swap_set) {
    return conflict(
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap "
        "at the same time");
  }
  if (memory > 0 && swap > 0 && swap < memory) {
    return answer_error(400,
                        "Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (body["CpuPeriod"].as_int() > 0 && host["NanoCpus"].as_int() > 0) {
    return conflict(
        "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set");
  }
  for (const char* key : {"Memory", "MemorySwap", "NanoCpus", "CpuShares", "CpuPeriod", "CpuQuota",
                          "MemoryReservation"}) {
    if (body[key].as_int() != 0) host.set(key, body[key]);
  }
  if (!body["PidsLimit"].is_null()) {
    host.set("PidsLimit", std::max<std::int64_t>(0, body["PidsLimit"].as_int()));
  }
  if (!body["RestartPolicy"]["Name"].empty()) {
    Json policy = body["RestartPolicy"];
    policy.set("MaximumRetryCount", policy["MaximumRetryCount"].as_int());
    host.set("RestartPolicy", policy);
  }
  container.host_config = std::move(host);
  emit(container, "update");
  return answer_json(200, Json::object({{"Warnings", Json()}}));
}

// Running or not: of one that was never started, too.
Answer SimEngine::archive(const HttpCall& call, const Target& target,
                          const SimContainer& container) {
  if (call.method == "PUT") return put_archive(call, target, container, volumes_);
  const std::string path = target.word("path");
  const std::string base = path.substr(path.rfind('/') + 1);
  for (const Json& mount : container.host_config["Mounts"].items()) {
    if (mount["Type"].as_string() != "volume" || mount["Target"].as_string() != path) continue;
    Answer answer = answer_empty(200);
    answer.body = folder_archive(base, volumes_.at(mount["Source"].as_string()).folder);
    return answer;
  }
  const auto file = container.files.find(path);
  if (file == container.files.end()) {
    return answer_error(404, "Could not find the file " + path + " in container " + target.part(1));
  }
  testing::TarEntry entry;
  entry.name = base;
  entry.data = file->second;
  Answer answer = answer_empty(200);
  answer.body = testing::tar_of(entry);
  return answer;
}

Answer SimEngine::logs(const Target& target, const SimContainer& container) const {
  const bool out = target.flag("stdout");
  const bool err = target.flag("stderr");
  if (!out && !err) {
    return answer_error(400, "Bad parameters: you must choose at least one stream");
  }
  std::vector<const std::pair<int, std::string>*> lines;
  for (const auto& line : container.log) {
    if (line.first == 1 ? out : err) lines.push_back(&line);
  }
  const std::string tail = target.word("tail");
  const std::size_t keep = tail.empty() || tail == "all"
                               ? lines.size()
                               : static_cast<std::size_t>(std::max(0, std::atoi(tail.c_str())));
  if (lines.size() > keep) lines.erase(lines.begin(), lines.end() - static_cast<long>(keep));
  Answer answer = answer_empty(200);
  for (const auto* line : lines) {
    const std::string text = line->second + "\n";
    if (!container.config["Tty"].as_bool()) {
      answer.body += static_cast<char>(line->first);
      answer.body.append(3, '\0');
      for (int shift = 24; shift >= 0; shift -= 8) {
        answer.body += static_cast<char>(text.size() >> shift & 255);
      }
    }
    answer.body += text;
  }
  return answer;
}

}  // namespace fairlead::sim
