#include "reconciler/live/http_reader.h"

// One of Beast 1.74's own assertions does not hold: where the end of the last chunk comes byte by
// byte it would end the process, and without it nothing goes wrong.
#define BOOST_DISABLE_ASSERTS
#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <limits>
#include <utility>

namespace fairlead::live {

namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using ErrorCode = boost::beast::error_code;

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return low;
}

// For a message: printable, and not long.
std::string shown(std::string_view text) {
  constexpr std::size_t shown_max = 60;
  std::string safe(text.substr(0, std::min(text.find_first_of("\r\n"), shown_max)));
  for (char& c : safe) {
    if (c < ' ' || c > '~') c = '?';
  }
  return safe;
}

std::string bytes_text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

}  // namespace

// One answer: what Beast tells of it, within our limits.
class HttpReader::Parser : public http::basic_parser<false> {
 public:
  explicit Parser(const HttpReader& owner) : owner_(owner) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(HttpLimits::head_bytes));
    body_limit(std::numeric_limits<std::uint64_t>::max());
    skip(owner.to_head_);
  }

  int status = 0;
  bool stopped = false;  // a callback of the owner's wants no more
  std::string error;
  std::map<std::string, std::string> kept;

  bool is_interim() const { return status >= 100 && status < 200 && status != 101; }

 private:
  // Beast goes on only where there is no error; which one this is nobody asks.
  void stop(ErrorCode& ec) {
    stopped = true;
    ec = http::error::end_of_stream;
  }
  void fail(std::string why, ErrorCode& ec) {
    error = std::move(why);
    stop(ec);
  }

  void on_request_impl(http::verb, string_view, string_view, int, ErrorCode&) override {}

  void on_response_impl(int code, string_view reason, int, ErrorCode& ec) override {
    status = code;
    if (code < 100) return fail("its status is " + std::to_string(code), ec);
    if (reason.size() > HttpLimits::line_bytes)
      fail("the status line is longer than " + bytes_text(HttpLimits::line_bytes), ec);
  }

  void on_field_impl(http::field, string_view name, string_view value, ErrorCode& ec) override {
    if (++lines_ > HttpLimits::head_lines)
      return fail("more than " + std::to_string(HttpLimits::head_lines) + " header lines", ec);
    if (name.size() + value.size() > HttpLimits::line_bytes)
      return fail("a header line is longer than " + bytes_text(HttpLimits::line_bytes), ec);
    if (is_header_done()) return;  // a trailer
    const std::string low = lower({name.data(), name.size()});
    for (const char* wanted :
         {"www-authenticate", "link", "docker-content-digest", "retry-after"}) {
      if (low != wanted) continue;
      std::string& text = kept[low];
      text += (text.empty() ? "" : ", ") + std::string(value.data(), value.size());
    }
  }

  void on_header_impl(ErrorCode& ec) override {
    if (!is_interim() && !owner_.headers_seen_(status)) stop(ec);
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}

  std::size_t on_body_impl(string_view body, ErrorCode& ec) override {
    if (!body.empty() && !owner_.piece_seen_(body.data(), body.size())) stop(ec);
    return body.size();
  }

  void on_chunk_header_impl(std::uint64_t, string_view extensions, ErrorCode& ec) override {
    extensions_ += extensions.size();
    if (extensions_ > HttpLimits::chunk_extension_bytes)
      fail("the extensions of chunks are longer than " +
               bytes_text(HttpLimits::chunk_extension_bytes),
           ec);
  }

  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, ErrorCode& ec) override {
    return on_body_impl(body, ec);
  }

  void on_finish_impl(ErrorCode&) override {}

  const HttpReader& owner_;
  int lines_ = 0;
  std::size_t extensions_ = 0;
};

HttpReader::HttpReader(bool to_head, const HeadersSeen& headers, const PieceSeen& piece)
    : to_head_(to_head), headers_seen_(headers), piece_seen_(piece) {
  parser_ = std::make_unique<Parser>(*this);
}

HttpReader::~HttpReader() = default;

int HttpReader::status() const { return parser_->status; }
bool HttpReader::complete() const { return parser_->is_done() && !parser_->stopped; }
const std::string& HttpReader::error() const { return parser_->error; }
bool HttpReader::keep_alive() const {
  return complete() && !surplus_ && parser_->status != 101 && parser_->keep_alive();
}
const std::map<std::string, std::string>& HttpReader::headers() const { return parser_->kept; }

bool HttpReader::feed(std::string_view bytes) {
  // In pieces, so that what is kept stays small whatever is fed.
  while (!ended_ && !bytes.empty()) {
    const std::size_t piece = std::min<std::size_t>(bytes.size(), 16u << 10);
    pending_.append(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
    parse();
  }
  surplus_ = surplus_ || !bytes.empty() || (ended_ && !pending_.empty());
  return !ended_;
}

// Of what is pending as much as makes sense by itself.
void HttpReader::parse() {
  while (!pending_.empty() && !ended_) {
    ErrorCode ec;
    const std::size_t taken = parser_->put(boost::asio::buffer(pending_), ec);
    pending_.erase(0, taken);
    if (ec == http::error::need_more) return waits_for_more();
    if (ec == http::error::header_limit) {
      parser_->error = "the header is longer than " + bytes_text(HttpLimits::head_bytes);
    } else if (ec && !parser_->stopped) {
      parser_->error = "it is no HTTP (" + ec.message() + "): '" + shown(pending_) + "'";
    }
    ended_ = ec || parser_->is_done();
    if (ec || !parser_->is_done() || !parser_->is_interim()) continue;
    parser_ = std::make_unique<Parser>(*this);
    ended_ = ++interim_ > HttpLimits::interim_answers;
    if (ended_) {
      parser_->error =
          "more than " + std::to_string(HttpLimits::interim_answers) + " interim answers";
    }
  }
}

// What Beast does not bound: the line of a chunk's size, and the trailer behind the last one.
void HttpReader::waits_for_more() {
  if (!parser_->is_header_done()) return;
  const bool in_line = pending_.find('\n', 2) == std::string::npos;
  const std::size_t most = in_line ? HttpLimits::chunk_line_bytes : HttpLimits::head_bytes;
  if (pending_.size() <= most) return;
  parser_->error =
      (in_line ? "the line of a chunk's size is longer than " : "the trailer is longer than ") +
      bytes_text(most);
  ended_ = true;
}

void HttpReader::end() {
  if (ended_) return;
  ended_ = true;
  if (!parser_->got_some()) return;
  ErrorCode ec;
  parser_->put_eof(ec);
  if (ec) parser_->stopped = true;  // cut off
}

}  // namespace fairlead::live
