#include "providers/docker/steps.h"

#include "providers/docker/network.h"
#include "providers/docker/observe.h"
#include "providers/docker/reader.h"
#include "providers/docker/storage.h"
#include "reconciler/image_ref.h"

namespace fairlead::docker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpCall& call_of(Step& step) { return std::get<HttpCall>(step.request); }

}  // namespace

Steps::Steps(const Keys& keys, const Session& session)
    : keys_(keys), api_(api(session)), newer_(session.facts["newer"].as_bool()) {}

Step Steps::step(std::string verb, std::string resource, std::string method, std::string path,
                 const Json& body) const {
  HttpCall call;
  call.method = std::move(method);
  call.path = api_ + path;
  if (!body.is_null()) call.body = body.dump();
  call.timeout = create_timeout;
  Step made;
  made.verb = std::move(verb);
  made.resource = std::move(resource);
  made.request = std::move(call);
  return made;
}

Step Steps::of(const SeenContainer& container, std::string verb, std::string path,
               const Json& body) const {
  Step made = step(std::move(verb), "container " + container.name, "POST",
                   "/containers/" + container.id + path, body);
  made.object = container.id;
  return made;
}

Step Steps::create_network(const std::string& app, const Subnet& subnet) const {
  // What others attach by hand gets its address from the upper end, out of the way of those that we
  // assign.
  const Json ipam = Json::object({{"Subnet", subnet.text()},
                                  {"Gateway", subnet.address(1)},
                                  {"IPRange", subnet.upper_end().text()}});
  const Identity identity{"network", app, "", "", 1};
  const Json body = Json::object(
      {{"Name", identity.name()},
       {"CheckDuplicate", true},
       {"Driver", "bridge"},
       {"IPAM", Json::object({{"Driver", "default"}, {"Config", Json::array({ipam})}})},
       {"Labels", owner_labels(keys_, identity)}});
  Step made = step("create", "network " + identity.name(), "POST", "/networks/create", body);
  made.claim = subnet.range();
  return made;
}

Step Steps::remove_network(const SeenNetwork& network) const {
  return step("remove", "network " + network.name, "DELETE", "/networks/" + network.id);
}

Step Steps::create_reader(const Identity& reader, const std::vector<std::string>& volumes) const {
  return create_never_started(
      reader, reader_body(reader.fingerprint, volumes, owner_labels(keys_, reader)));
}

Step Steps::create_keeper(const Identity& keeper, const std::vector<std::string>& volumes) const {
  return create_never_started(keeper, keeper_body(keeper, volumes, owner_labels(keys_, keeper)));
}

Step Steps::create_never_started(const Identity& identity, const Json& body) const {
  return step("create", "container " + identity.name(), "POST",
              "/containers/create?name=" + identity.name(), body);
}

Step Steps::own(const Identity& keeper, const FolderEntry& folder) const {
  Step made;
  made.verb = "own";
  made.resource = "volume " + Identity{"volume", keeper.app, "", "", 1}.name();
  made.request = own_call(api_, keeper.name(), folder);
  return made;
}

Step Steps::remove_keeper(const Identity& keeper) const {
  return step("remove", "container " + keeper.name(), "DELETE",
              "/containers/" + keeper.name() + "?v=1");
}

Step Steps::remove_never_started(const NeverStarted& seen) const {
  return step("remove", "container " + seen.name, "DELETE",
              "/containers/" + seen.id + "?v=1" + (seen.state == "dead" ? "&force=1" : ""));
}

Step Steps::create_volume(const std::string& app, const std::string& owner_mark) const {
  const Identity identity{"volume", app, "", "", 1, owner_mark};
  const Json body = Json::object(
      {{"Name", identity.name()}, {"Driver", "local"}, {"Labels", owner_labels(keys_, identity)}});
  return step("create", "volume " + identity.name(), "POST", "/volumes/create", body);
}

Step Steps::remove_volume(const std::string& name) const {
  return step("remove", "volume " + name, "DELETE", "/volumes/" + name);
}

Step Steps::pull(const std::string& image, bool with_login) const {
  // A digest goes where the tag goes; without either the engine would pull every tag.
  const ImageRef ref = ImageRef::parse(image).value_or(ImageRef{});
  const std::string tag = ref.digest.empty() ? ref.tag : ref.digest;
  Step made = step("pull", "image " + image, "POST",
                   "/images/create?fromImage=" + ref.name + "&tag=" + tag);
  if (with_login) call_of(made).headers.emplace_back(login_header, "@" + ref.registry);
  call_of(made).timeout = pull_silence;
  call_of(made).progress = true;
  made.patient = true;
  return made;
}

Json Steps::endpoint(const Attachment& attachment) const {
  return Json::object({{"IPAMConfig", Json::object({{"IPv4Address", attachment.address}})},
                       {"Aliases", Json(attachment.aliases)}});
}

Step Steps::create(const ContainerSpec& spec, int replica, const Attachment& attachment) const {
  const Identity identity{"container", spec.app, spec.process, spec.fingerprint, replica};
  Json body = spec.body;
  Json labels = spec.labels;
  // Set last, so that neither the manifest nor the image can say them.
  const Json owner = owner_labels(keys_, identity);
  for (const auto& [key, value] : owner.members()) labels.set(key, value);
  body.set("Labels", labels);
  if (newer_ && body.has("Healthcheck") && body["Healthcheck"].has("StartPeriod")) {
    Json health = body["Healthcheck"];
    health.set("StartInterval", static_cast<std::int64_t>(Duration(seconds(1)).count()));
    body.set("Healthcheck", health);
  }
  Json host = body["HostConfig"];
  host.set("RestartPolicy", Json::object({{"Name", spec.restart}}));
  if (spec.limits.nano_cpus > 0) host.set("NanoCpus", spec.limits.nano_cpus);
  host.set("Memory", spec.limits.memory);
  host.set("MemorySwap", spec.limits.memory);
  host.set("PidsLimit", spec.limits.pids);
  body.set("HostConfig", host);
  body.set("NetworkingConfig",
           Json::object(
               {{"EndpointsConfig", Json::object({{attachment.network, endpoint(attachment)}})}}));
  return step("create", "container " + identity.name(), "POST",
              "/containers/create?name=" + identity.name(), body);
}

Step Steps::start_new(const ContainerSpec& spec, int replica) const {
  const std::string name =
      Identity{"container", spec.app, spec.process, spec.fingerprint, replica}.name();
  Step made = step("start", "container " + name, "POST", "/containers/" + name + "/start");
  call_of(made).timeout = start_timeout;
  return made;
}

Step Steps::start(const SeenContainer& container) const {
  Step made = of(container, "start", "/start");
  call_of(made).timeout = start_timeout;
  return made;
}

Step Steps::restart(const SeenContainer& container) const {
  Step made = of(container, "restart", "/restart");
  call_of(made).timeout = start_timeout;
  return made;
}

Step Steps::stop(const SeenContainer& container, Duration grace) const {
  // Without `t` the engine takes the container's own grace; a later stop with a shorter one would
  // win over ours.
  Step made = of(container, "stop", "/stop");
  call_of(made).timeout = std::chrono::ceil<milliseconds>(grace) + seconds(30);
  made.patient = true;
  return made;
}

Step Steps::unpause(const SeenContainer& container) const {
  return of(container, "unpause", "/unpause");
}

Step Steps::remove(const SeenContainer& container) const {
  // With it go the volumes without a name that its image asked for (VOLUME), or they would mount
  // up. "dead" is what the engine could not remove wholly; only force ends that.
  return step(
      "remove", "container " + container.name, "DELETE",
      "/containers/" + container.id + "?v=1" + (container.state == "dead" ? "&force=1" : ""));
}

Step Steps::rename(const SeenContainer& container, const std::string& name) const {
  return of(container, "rename", "/rename?name=" + name);
}

Step Steps::update(const SeenContainer& container, const std::optional<Limits>& limits,
                   const std::string& restart) const {
  Json body = Json::object();
  if (limits) {
    if (limits->nano_cpus > 0) body.set("NanoCpus", limits->nano_cpus);
    if (limits->memory > 0) {
      body.set("Memory", limits->memory);
      body.set("MemorySwap", limits->memory);
    }
    body.set("PidsLimit", limits->pids);
  }
  if (!restart.empty()) body.set("RestartPolicy", Json::object({{"Name", restart}}));
  return of(container, "update", "/update", body);
}

Step Steps::connect(const SeenContainer& container, const Attachment& attachment) const {
  Json body = Json::object({{"Container", container.id}, {"EndpointConfig", endpoint(attachment)}});
  Step made = step("connect", "container " + container.name, "POST",
                   "/networks/" + attachment.network + "/connect", body);
  made.object = container.id;
  return made;
}

Step Steps::disconnect(const SeenContainer& container, const std::string& network) const {
  return step("disconnect", "container " + container.name, "POST",
              "/networks/" + network + "/disconnect",
              Json::object({{"Container", container.id}, {"Force", true}}));
}

Step Steps::look(FileCall call, const std::string& container) {
  Step made;
  made.verb = "look";
  made.resource = "mount " + call.path + " of " + container;
  made.request = std::move(call);
  return made;
}

Step Steps::write_secret(const SecretFile& file) {
  FileCall call;
  call.area = FileCall::Area::secrets;
  call.path = file.path;
  call.content = file.content;
  // Readable inside the container whoever its user is; on the host the folder above is root's
  // alone.
  call.mode = 0444;
  Step made;
  made.verb = "write";
  made.resource = "secret " + file.path;
  made.request = std::move(call);
  return made;
}

Step Steps::remove_secret(const std::string& path) {
  FileCall call;
  call.act = FileCall::Act::remove;
  call.area = FileCall::Area::secrets;
  call.path = path;
  Step made;
  made.verb = "remove";
  made.resource = "secret " + path;
  made.request = std::move(call);
  return made;
}

Step Steps::wait(std::string resource) {
  Step made;
  made.verb = "wait";
  made.resource = std::move(resource);
  return made;
}

}  // namespace fairlead::docker
