#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

// Reads one HTTP/1 answer (RFC 9112) from bytes that come in pieces of any size, and trusts none of
// them: a container, a registry or an engine may say anything. The grammar is Boost.Beast's; each
// thing that it leaves without a bound has one here. Kept are the head and the headers that Answer
// speaks of; the body is handed on as it comes, not decoded, so that a compressed bomb stays the
// bytes that were sent. How long a body may be, and how long all of it may take, is its owner's to
// say. No socket, no clock, one thread.
namespace fairlead::live {

struct HttpLimits {
  // Status line and headers with their ends; likewise trailers with the size of the last chunk. How
  // the bytes come in pieces may let a quarter more pass.
  static constexpr std::size_t head_bytes = 64u << 10;
  static constexpr int head_lines = 100;               // headers and trailers
  static constexpr std::size_t line_bytes = 8u << 10;  // name and value of a header; reason
  static constexpr int interim_answers = 10;           // 1xx before the answer itself
  // A chunk's size with its extensions; and the extensions of all chunks of an answer.
  static constexpr std::size_t chunk_line_bytes = 8u << 10;
  static constexpr std::size_t chunk_extension_bytes = 64u << 10;
};

class HttpReader {
 public:
  // Asked once when the headers are there, then for each piece of the body; false ends the reading.
  using HeadersSeen = std::function<bool(int status)>;
  using PieceSeen = std::function<bool(const char* data, std::size_t size)>;

  // `to_head`: the answer to a HEAD, which never has a body. Both callbacks must outlive this.
  HttpReader(bool to_head, const HeadersSeen& headers, const PieceSeen& piece);
  ~HttpReader();
  HttpReader(const HttpReader&) = delete;
  HttpReader& operator=(const HttpReader&) = delete;

  // Takes the next bytes. False: no more are wanted; see complete() and error().
  bool feed(std::string_view bytes);
  // The peer sends no more: some bodies end so, any other answer is cut off.
  void end();

  int status() const;  // of the last status line; 0: none came
  bool complete() const;
  // Which limit was passed, or what makes no sense. Empty: neither; the answer is whole, cut off,
  // or a callback has ended it.
  const std::string& error() const;
  // Whether the peer will take another request: only of an answer that is complete.
  bool keep_alive() const;
  const std::map<std::string, std::string>& headers() const;  // as in Answer

 private:
  class Parser;
  void parse();
  void waits_for_more();

  const bool to_head_;
  const HeadersSeen& headers_seen_;
  const PieceSeen& piece_seen_;
  std::unique_ptr<Parser> parser_;  // of the answer under way, an interim one too
  std::string pending_;             // bytes that tell something only with those behind them
  int interim_ = 0;
  bool ended_ = false;    // nothing more is read
  bool surplus_ = false;  // bytes came behind the answer
};

}  // namespace fairlead::live
