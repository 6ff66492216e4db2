#include "reconciler/cli/adopt.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "providers/docker/decode.h"
#include "providers/docker/docker.h"
#include "providers/docker/observe.h"
#include "providers/docker/reader.h"
#include "providers/docker/steps.h"
#include "reconciler/adopt.h"
#include "reconciler/cli/print.h"
#include "reconciler/grammar.h"
#include "reconciler/live/live_world.h"
#include "reconciler/live/platform_file.h"
#include "reconciler/live/state_folder.h"

namespace fairlead::cli {
namespace {

constexpr char adopt_label[] = "fairlead.adopt";
constexpr std::size_t id_in_name = 12;

Error failed(const std::string& what, const Answer& answer) {
  return {Code::unavailable,
          what + ": " +
              (answer.answered()
                   ? std::to_string(answer.status) + " " + docker::decode_message(answer.body)
                   : answer.error),
          ""};
}

// One question at a time. After SIGTERM or SIGINT a pull is given up; all else is short and goes
// on, so that what was created is removed.
class Questions {
 public:
  explicit Questions(World& world) : world_(world) {}

  Answer ask(const Call& call) {
    const auto* http = std::get_if<HttpCall>(&call);
    const bool long_lasting = http && http->progress;
    Request request;
    request.id = ++last_;
    std::visit([&](const auto& what) { request.what = what; }, call);
    world_.submit(std::move(request));
    while (!(long_lasting && stopped_)) {
      const Event event = world_.wait(Duration::max());
      if (std::holds_alternative<Stop>(event)) stopped_ = true;
      const auto* answered = std::get_if<Answered>(&event);
      if (answered && answered->request == last_) return answered->answer;
    }
    return {0, "", "interrupted"};
  }

  bool stopped() const { return stopped_; }

 private:
  World& world_;
  RequestId last_ = 0;
  bool stopped_ = false;
};

// What is asked of the engine for one image.
class Look {
 public:
  Look(Questions& questions, const Keys& keys, const Session& session, std::string image)
      : questions_(questions), keys_(keys), session_(session), image_(std::move(image)) {}

  Result<Json> inspect(bool pull) {
    Answer answer = engine("GET", "/images/" + image_ + "/json");
    if (answer.status == 404 && pull) {
      complain("pulling " + image_);
      const Step step = docker::Steps(keys_, session_).pull(image_, true);
      const Answer pulled = questions_.ask(std::get<HttpCall>(step.request));
      // The engine says 200 first and what went wrong later, in a line of its own.
      if (!pulled.ok() || !pulled.body.empty()) return failed("pull " + image_, pulled);
      answer = engine("GET", "/images/" + image_ + "/json");
    }
    if (answer.status == 404) {
      return Error{Code::not_found,
                   "the image " + image_ + " is not on this host: say --pull to fetch it", ""};
    }
    if (!answer.ok()) return failed("inspect image " + image_, answer);
    return Json::parse(answer.body);
  }

  // The manifest in the file system of the image, if it has one.
  Result<std::optional<ImageText>> read(const ImageFacts& facts, const Json& inspect) {
    const Result<std::string> container = create(facts, inspect);
    if (!container) return container.error();
    auto text = find(*container);
    const Answer removed = engine("DELETE", "/containers/" + *container + "?v=1");
    if (!removed.ok() && removed.status != 404) {
      return failed("remove container " + *container, removed);
    }
    return text;
  }

 private:
  Answer engine(std::string method, const std::string& path, std::string body = "") {
    HttpCall call;
    call.method = std::move(method);
    call.path = docker::api(session_) + path;
    call.body = std::move(body);
    call.timeout = docker::create_timeout;
    call.body_max = image_archive_bytes_max;
    return questions_.ask(call);
  }

  // The name of a container of the image that is never started.
  Result<std::string> create(const ImageFacts& facts, const Json& inspect) {
    const std::size_t digits = facts.id.find(':') + 1;
    const std::string name = "fairlead.adopt." + facts.id.substr(digits, id_in_name);
    const std::string path = "/containers/create?name=" + name;
    const std::string body = body_of(facts, inspect).dump();
    Answer answer = engine("POST", path, body);
    if (answer.status == 409 && is_left_over(name)) {
      engine("DELETE", "/containers/" + name + "?v=1");
      answer = engine("POST", path, body);
    }
    if (answer.ok()) return name;
    // It may have been created all the same.
    if (!answer.answered() && is_left_over(name)) engine("DELETE", "/containers/" + name + "?v=1");
    return failed("create container " + name, answer);
  }

  bool is_left_over(const std::string& name) {
    const Answer answer = engine("GET", "/containers/" + name + "/json");
    const Result<Json> found = Json::parse(answer.ok() ? answer.body : "{}");
    return found && (*found)["Config"]["Labels"].has(adopt_label) &&
           (*found)["State"]["Status"].as_string() == "created";
  }

  static Json body_of(const ImageFacts& facts, const Json& inspect) {
    Json labels = Json::object();
    // What the image inherited of a container of fairlead's must not make this one look like that.
    for (const auto& [key, value] : inspect["Config"]["Labels"].members()) {
      if (key.compare(0, 9, "fairlead.") == 0) labels.set(key, "");
    }
    labels.set(adopt_label, facts.id);
    return docker::reader_body(facts.id, facts.volumes, labels);
  }

  Result<std::optional<ImageText>> find(const std::string& container) {
    for (const std::string_view path : image_manifest_paths) {
      if (questions_.stopped()) return Error{Code::unavailable, "interrupted", ""};
      const Answer answer =
          engine("GET", "/containers/" + container + "/archive?path=" + std::string(path));
      if (answer.status == 404) continue;
      if (!answer.ok()) return failed("read " + std::string(path) + " of " + image_, answer);
      Result<std::string> text = manifest_in_archive(answer.body, path);
      if (!text) return text.error();
      return std::optional(ImageText{image_, std::string(path), std::move(*text)});
    }
    return std::optional<ImageText>();
  }

  Questions& questions_;
  const Keys& keys_;
  const Session& session_;
  const std::string image_;
};

Result<Session> connect(Questions& questions, const Provider& docker, const Platform& platform) {
  std::vector<Answer> answers;
  const Place place = docker.place(platform);
  while (const auto call = docker.handshake(place, platform, answers)) {
    answers.push_back(questions.ask(*call));
  }
  return docker.negotiate(place, platform, answers);
}

struct Adopted {
  std::string id;
  std::string manifest;
};

Result<Adopted> look(World& world, const Keys& keys, const Platform& platform,
                     const AdoptOptions& options) {
  Questions questions(world);
  const auto docker = docker::make_provider(keys);
  const Result<Session> session = connect(questions, *docker, platform);
  if (!session) return session.error();
  Look image(questions, keys, *session, options.image);
  const Result<Json> inspect = image.inspect(options.pull);
  if (!inspect) return inspect.error();
  const ImageFacts facts = image_facts(*inspect);
  std::optional<ImageText> source;
  if (!facts.manifest.empty()) {
    source = ImageText{options.image, std::string("label ") + image_manifest_label, facts.manifest};
  } else {
    Result<std::optional<ImageText>> read = image.read(facts, *inspect);
    // What is there and is no manifest takes nothing from what else there is to tell.
    if (!read && read.error().code != Code::invalid) return read.error();
    if (!read) complain(options.image + ":" + read.error().text());
    if (read) source = std::move(*read);
  }
  return Adopted{facts.id, adoption(options.image, facts, source)};
}

int report(const Error& error) {
  complain(error.text());
  return 1;
}

}  // namespace

int adopt(const Common& common, const AdoptOptions& options) {
  if (!is_image(options.image)) {
    return report({Code::invalid,
                   "\"" + options.image + "\" is no image reference such as ghcr.io/acme/blog:1",
                   ""});
  }
  ParsedPlatform parsed = live::load_platform(common.config);
  for (const Error& error : parsed.errors) complain(error.text());
  if (!parsed.errors.empty()) return 1;
  const auto platform = std::make_shared<const Platform>(std::move(parsed.platform));
  const auto state =
      live::StateFolder::open(platform->folders.state, live::StateFolder::Mode::look);
  if (!state) return report(state.error());
  const Keys keys(state->installation(), state->key());
  live::LiveOptions world_options;
  world_options.platform = platform;
  world_options.platform_path = common.config;
  world_options.watch = false;
  world_options.control_socket = false;
  const auto world = live::LiveWorld::open(world_options);
  if (!world) return report(world.error());
  const Result<Adopted> adopted = look(**world, keys, *platform, options);
  if (!adopted) return report(adopted.error());
  print(common.json
            ? Json::object(
                  {{"image", options.image}, {"id", adopted->id}, {"manifest", adopted->manifest}})
                      .pretty() +
                  "\n"
            : adopted->manifest);
  return 0;
}

}  // namespace fairlead::cli
