//! The server name in a TLS ClientHello (RFC 8446, 4.1.2; RFC 6066, 3).
//!
//! Only the first data segment of a connection is looked at. What is not in it is [`Hello::Incomplete`], never
//! guessed: rustls' own parser, in userspace, decides what the name is, and this one may only know less.

/// Bytes of the first segment that are looked at: a power of two, and more than the largest MTU in use.
pub const WINDOW: usize = 16_384;

/// The start of a TCP payload, and rubbish behind it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct Window {
    bytes: [u8; WINDOW],
}

/// What a first segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// Not a TLS handshake record.
    NotTls,
    /// A hello whose server name, if it has one, is further on.
    Incomplete,
    /// A whole hello without a server name.
    NoSni,
    /// The server name lies here, in bytes from the start of the window. `len` is at least 1.
    Name {
        /// Offset of the first byte.
        offset: usize,
        /// Bytes of the name.
        len: usize,
    },
    /// Lengths that contradict each other.
    Malformed,
}

const CONTENT_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER: usize = 5;
const HANDSHAKE_HEADER: usize = 4;
/// Version and random.
const FIXED: usize = 2 + 32;
/// Extensions that are looked through; browsers send about 18.
const MAX_EXTENSIONS: usize = 32;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// Where parsing stopped: past the bytes at hand, or past what the hello itself declared.
enum Stop {
    Incomplete,
    Malformed,
}

impl From<Stop> for Hello {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Incomplete => Self::Incomplete,
            Stop::Malformed => Self::Malformed,
        }
    }
}

/// A ClientHello: where it ends, and how much of it is in the window.
struct Body<'a> {
    window: &'a Window,
    end: usize,
    available: usize,
}

impl Window {
    /// A window without content.
    pub const EMPTY: Self = Self { bytes: [0; WINDOW] };

    /// A window on the start of `payload`, and how many bytes of it count.
    pub fn new(payload: &[u8]) -> (Self, usize) {
        let mut window = Self::EMPTY;
        let len = payload.len().min(WINDOW);
        window.bytes[..len].copy_from_slice(&payload[..len]);
        (window, len)
    }

    /// Where the kernel copies the payload to.
    pub const fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// The mask changes nothing for an offset inside; it lets compiler and verifier see the bound.
    #[inline(always)]
    const fn byte(&self, offset: usize) -> u8 {
        self.bytes[offset & (WINDOW - 1)]
    }

    #[inline(always)]
    const fn be16(&self, offset: usize) -> u16 {
        u16::from_be_bytes([self.byte(offset), self.byte(offset + 1)])
    }

    /// Classifies the first `len` bytes.
    #[inline(always)]
    pub fn hello(&self, len: usize) -> Hello {
        match self.body(len) {
            Ok(body) => body.server_name().unwrap_or_else(Hello::from),
            Err(hello) => hello,
        }
    }

    #[inline(always)]
    fn body(&self, len: usize) -> Result<Body<'_>, Hello> {
        if len == 0 || self.byte(0) != CONTENT_HANDSHAKE || (len > 1 && self.byte(1) != 3) {
            return Err(Hello::NotTls);
        }
        if len < RECORD_HEADER + HANDSHAKE_HEADER {
            return Err(Hello::Incomplete);
        }
        if self.byte(RECORD_HEADER) != CLIENT_HELLO {
            return Err(Hello::NotTls);
        }
        let record_end = RECORD_HEADER + self.be16(3) as usize;
        if record_end < RECORD_HEADER + HANDSHAKE_HEADER {
            // The next bytes are another record's header, not the hello's length.
            return Err(Hello::Incomplete);
        }
        let declared = (self.byte(6) as usize) << 16 | self.be16(7) as usize;
        let end = RECORD_HEADER + HANDSHAKE_HEADER + declared;
        // What follows the record's end is another record's header, not this hello's.
        let mut available = len;
        if record_end < available {
            available = record_end;
        }
        Ok(Body { window: self, end, available })
    }
}

impl Body<'_> {
    /// Whether the `len` bytes at `offset` can be read.
    #[inline(always)]
    const fn has(&self, offset: usize, len: usize) -> Result<(), Stop> {
        if offset + len > self.end {
            Err(Stop::Malformed)
        } else if offset + len > self.available {
            Err(Stop::Incomplete)
        } else {
            Ok(())
        }
    }

    /// The offset behind a vector with a length of one byte.
    #[inline(always)]
    fn skip8(&self, offset: usize) -> Result<usize, Stop> {
        self.has(offset, 1)?;
        Ok(offset + 1 + self.window.byte(offset) as usize)
    }

    /// The offset behind a vector with a length of two bytes.
    #[inline(always)]
    fn skip16(&self, offset: usize) -> Result<usize, Stop> {
        self.has(offset, 2)?;
        Ok(offset + 2 + self.window.be16(offset) as usize)
    }

    #[inline(always)]
    fn server_name(&self) -> Result<Hello, Stop> {
        let session_id = RECORD_HEADER + HANDSHAKE_HEADER + FIXED;
        let cipher_suites = self.skip8(session_id)?;
        let compression = self.skip16(cipher_suites)?;
        let extensions = self.skip8(compression)?;
        if extensions == self.end {
            return Ok(Hello::NoSni);
        }
        let end = self.skip16(extensions)?;
        if end != self.end {
            return Err(Stop::Malformed);
        }
        self.find(extensions + 2)
    }

    #[inline(always)]
    fn find(&self, mut offset: usize) -> Result<Hello, Stop> {
        let mut seen = 0;
        while seen < MAX_EXTENSIONS {
            if offset == self.end {
                return Ok(Hello::NoSni);
            }
            self.has(offset, 4)?;
            if self.window.be16(offset) == SERVER_NAME {
                return self.extension(offset + 2);
            }
            offset = self.skip16(offset + 2)?;
            seen += 1;
        }
        Err(Stop::Incomplete)
    }

    /// The `server_name` extension: a list of exactly one host name.
    #[inline(always)]
    fn extension(&self, offset: usize) -> Result<Hello, Stop> {
        self.has(offset, 7)?;
        let extension_len = self.window.be16(offset) as usize;
        let list_len = self.window.be16(offset + 2) as usize;
        let kind = self.window.byte(offset + 4);
        let len = self.window.be16(offset + 5) as usize;
        if kind != HOST_NAME || len == 0 || list_len != len + 3 || extension_len != len + 5 {
            return Err(Stop::Malformed);
        }
        self.has(offset + 7, len)?;
        Ok(Hello::Name { offset: offset + 7, len })
    }
}
