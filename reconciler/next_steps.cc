#include "reconciler/next_steps.h"

#include <iterator>
#include <utility>

namespace fairlead {
namespace {

constexpr std::pair<std::string_view, std::string_view> sentences[] = {
    {"AsksRegistry",
     "the first container waits for the registry's first answer; `fairlead images APP` "
     "asks at once and shows what came back"},
    {"CertificateWaiting",
     "the certificate is asked for again by itself, and until then what is there serves; "
     "what the message names may have to be mended first"},
    {"Conflict",
     "it is looked at again by itself and nothing is made in its place; rename or remove "
     "what is in the way, or give the app another name"},
    {"Converging", "the steps of the plan are under way; nobody has to do anything"},
    {"CrashLoop",
     "the engine starts it again with growing pauses; its log says why it ends (`docker "
     "logs`), and a manifest or image that gets well ends it"},
    {"DatabaseNotReady",
     "new containers wait for the account and what runs is left alone; it is looked at "
     "again by itself"},
    {"DeadlineExceeded",
     "it is left running and may still get healthy; mend what its health check asks for, "
     "or give it a longer deploy.deadline"},
    {"DependencyNotReady",
     "new containers start once the apps that `after` names are Healthy, and what runs is "
     "left alone; mend those first"},
    {"EdgeFilesLost",
     "nginx serves on from its memory and its files are written anew once all apps are "
     "known; nobody has to do anything"},
    {"EdgeSilent",
     "nginx is asked again by itself; if it lasts, the log of the edge's container says "
     "why it does not answer"},
    {"EdgeUnreachable",
     "it is asked again by itself, and visitors from elsewhere over IPv4 may be served meanwhile; "
     "`docker restart` of the edge's container mends it, and cuts what is open"},
    {"Failed",
     "a job runs once for each version of its manifest; change the manifest, or say "
     "`fairlead retry APP.PROCESS`, and it runs again"},
    {"HealthCheckFailed",
     "another version is tried at once and this one again as the message says; mend the "
     "image or what its health check asks for"},
    {"ImageUnreadable",
     "it is asked again by itself and what runs is left alone; mend what the message "
     "names, or name another image"},
    {"ImageNotTried",
     "what runs stays; the other image is tried once the tag moves again, the manifest is saved "
     "or somebody says `fairlead retry`"},
    {"InvalidManifest", "what runs is left as it is; mend the file, and it is taken at once"},
    {"LeftOut",
     "nothing is done for it, and all other apps go on; tell the maintainers of fairlead with the "
     "log of its end, then change the manifest or say `fairlead retry APP`"},
    {"Missing", "its container is made as soon as what the message names is out of the way"},
    {"MountRefused",
     "nothing new is made, what runs is left alone, and the folder is looked at again by itself; "
     "mend what the message names, or mount another folder"},
    {"NameTaken", "the first owner of the name stays; give one of the two apps another name"},
    {"NeedNotOffered",
     "what runs is left alone and nothing new is made; take the word out of `needs`, or "
     "give this host what offers it"},
    {"NoAddress",
     "it goes on once an address is free; fewer replicas, or a larger network as the "
     "message says"},
    {"NotKnown", "it is not run by itself, lest it run twice; `fairlead retry` runs it once more"},
    {"NotSeenYet", "it is looked at as soon as the engine has answered; nobody has to do anything"},
    {"NotWanted",
     "nothing is done for it; put a manifest of this name into the folder, or delete its "
     "data with `fairlead purge`"},
    {"PoolExhausted",
     "its network is made once there is a free range; remove unused networks, or make "
     "network.pool larger in the platform file"},
    {"PortRefused",
     "what runs goes on, and what is new is made once it may have the port; publish at another "
     "one, "
     "or free this one as the message says"},
    {"ReadsImage",
     "the manifest in the image is read first, and what runs is left alone; nobody has to "
     "do anything"},
    {"ReloadRefused",
     "nginx serves on with what it has, and what it refused is tried again by itself; mend"
     " what its words name"},
    {"Removing",
     "its containers are stopped, each within its stop_grace, and removed; a manifest of "
     "this name ends the removal"},
    {"RouteNotLive",
     "requests reach it once the message's cause is over; nobody has to do anything unless"
     " it lasts"},
    {"RouteRejected",
     "the last good site serves on, where there is one, and this one is tried again by "
     "itself; mend what nginx's words name in `expose`"},
    {"Running", "it runs to its end, and its exit code decides; nobody has to do anything"},
    {"ServiceUnavailable",
     "new containers wait until the service answers, and what runs is left alone; "
     "`fairlead status` shows the service"},
    {"Starting",
     "it is looked at again by itself until it is healthy or its deploy.deadline has "
     "passed; nobody has to do anything"},
    {"StepFailed",
     "the step is tried again by itself with growing pauses; what the message names may "
     "have to be mended"},
    {"Suspended",
     "its containers are stopped and kept; take `suspend` out of the manifest to start it"},
};

}  // namespace

const std::map<std::string_view, std::string_view>& next_steps() {
  static const std::map<std::string_view, std::string_view> all(std::begin(sentences),
                                                                std::end(sentences));
  return all;
}

}  // namespace fairlead
