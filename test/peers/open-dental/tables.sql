-- The tables of an Open Dental practice that a schedule needs, written from the columns that its schema documentation
-- names (opendental.com/OpenDentalDocumentation26-1.xml): names, types and indexes as far as the connector, the front
-- desk of the tests and the stand-in of the API touch them. MyISAM, as practices have it: no transactions.
-- Load with an empty sql_mode.

create table appointment (
  AptNum bigint not null auto_increment primary key,
  PatNum bigint not null,
  AptStatus tinyint unsigned not null default 0,
  Pattern varchar(255) default '',
  Confirmed bigint not null,
  TimeLocked tinyint not null,
  Op bigint not null,
  Note text,
  ProvNum bigint not null,
  ProvHyg bigint not null,
  AptDateTime datetime not null default '0001-01-01 00:00:00',
  NextAptNum bigint not null,
  UnschedStatus bigint not null,
  IsNewPatient tinyint unsigned not null default 0,
  ProcDescript varchar(255) default '',
  Assistant bigint not null,
  ClinicNum bigint not null,
  IsHygiene tinyint unsigned not null default 0,
  DateTStamp timestamp not null default current_timestamp on update current_timestamp,
  DateTimeArrived datetime not null default '0001-01-01 00:00:00',
  DateTimeSeated datetime not null default '0001-01-01 00:00:00',
  DateTimeDismissed datetime not null default '0001-01-01 00:00:00',
  AppointmentTypeNum bigint not null,
  SecUserNumEntry bigint not null,
  SecDateTEntry datetime not null default '0001-01-01 00:00:00',
  Priority tinyint not null,
  key PatNum (PatNum),
  key AptDateTime (AptDateTime),
  key Op (Op),
  key StatusDate (AptStatus, AptDateTime, ClinicNum)
) engine=MyISAM default charset=utf8mb3;

create table patient (
  PatNum bigint not null auto_increment primary key,
  LName varchar(100) default '',
  FName varchar(100) default '',
  MiddleI varchar(100) default '',
  Preferred varchar(100) default '',
  PatStatus tinyint unsigned not null default 0,
  Gender tinyint unsigned not null default 0,
  Birthdate date not null default '0001-01-01',
  HmPhone varchar(30) default '',
  WkPhone varchar(30) default '',
  WirelessPhone varchar(30) default '',
  Email varchar(100) default '',
  Address varchar(100) default '',
  Address2 varchar(100) default '',
  City varchar(100) default '',
  State varchar(100) default '',
  Zip varchar(100) default '',
  Guarantor bigint not null,
  PriProv bigint not null,
  BillingType bigint not null,
  ChartNumber varchar(20) default '',
  ClinicNum bigint not null,
  Language varchar(100) default '',
  TxtMsgOk tinyint not null,
  DateTStamp timestamp not null default current_timestamp on update current_timestamp,
  SecUserNumEntry bigint not null,
  SecDateEntry date not null default '0001-01-01',
  key LFName (LName, FName),
  key Guarantor (Guarantor),
  key HmPhone (HmPhone),
  key WkPhone (WkPhone),
  key WirelessPhone (WirelessPhone)
) engine=MyISAM default charset=utf8mb3;

create table patientlink (
  PatientLinkNum bigint not null auto_increment primary key,
  PatNumFrom bigint not null,
  PatNumTo bigint not null,
  LinkType tinyint not null,
  DateTimeLink datetime not null default '0001-01-01 00:00:00',
  key PatNumFrom (PatNumFrom)
) engine=MyISAM default charset=utf8mb3;

create table provider (
  ProvNum bigint not null auto_increment primary key,
  Abbr varchar(255),
  ItemOrder smallint unsigned not null default 0,
  LName varchar(100) default '',
  FName varchar(100) default '',
  MI varchar(100) default '',
  Suffix varchar(100) default '',
  IsSecondary tinyint unsigned not null default 0,
  IsHidden tinyint unsigned not null default 0,
  NationalProvID varchar(255) default '',
  IsNotPerson tinyint not null,
  ProvStatus tinyint not null,
  DateTerm date not null default '0001-01-01',
  DateTStamp timestamp not null default current_timestamp on update current_timestamp
) engine=MyISAM default charset=utf8mb3;

create table operatory (
  OperatoryNum bigint not null auto_increment primary key,
  OpName varchar(255) default '',
  Abbrev varchar(255) default '',
  ItemOrder smallint unsigned not null default 0,
  IsHidden tinyint unsigned not null default 0,
  ProvDentist bigint not null,
  ProvHygienist bigint not null,
  IsHygiene tinyint unsigned not null default 0,
  ClinicNum bigint not null,
  DateTStamp timestamp not null default current_timestamp on update current_timestamp
) engine=MyISAM default charset=utf8mb3;

create table schedule (
  ScheduleNum bigint not null auto_increment primary key,
  SchedDate date not null default '0001-01-01',
  StartTime time not null default '00:00:00',
  StopTime time not null default '00:00:00',
  SchedType tinyint unsigned not null default 0,
  ProvNum bigint not null,
  BlockoutType bigint not null,
  Note text,
  Status tinyint unsigned not null default 0,
  EmployeeNum bigint not null,
  DateTStamp timestamp not null default current_timestamp on update current_timestamp,
  ClinicNum bigint not null,
  key SchedDate (SchedDate)
) engine=MyISAM default charset=utf8mb3;

create table scheduleop (
  ScheduleOpNum bigint not null auto_increment primary key,
  ScheduleNum bigint not null,
  OperatoryNum bigint not null,
  key ScheduleNum (ScheduleNum)
) engine=MyISAM default charset=utf8mb3;

create table appointmenttype (
  AppointmentTypeNum bigint not null auto_increment primary key,
  AppointmentTypeName varchar(255) not null,
  AppointmentTypeColor int not null,
  ItemOrder int not null,
  IsHidden tinyint not null,
  Pattern varchar(255) not null,
  CodeStr varchar(4000) not null
) engine=MyISAM default charset=utf8mb3;

create table definition (
  DefNum bigint not null auto_increment primary key,
  Category tinyint unsigned not null default 0,
  ItemOrder smallint unsigned not null default 0,
  ItemName varchar(255) default '',
  ItemValue varchar(255) default '',
  ItemColor int not null default 0,
  IsHidden tinyint unsigned not null default 0
) engine=MyISAM default charset=utf8mb3;

create table procedurecode (
  CodeNum bigint not null auto_increment primary key,
  ProcCode varchar(15) character set utf8mb3 collate utf8mb3_bin not null default '',
  Descript varchar(255) default '',
  AbbrDesc varchar(50) default '',
  key ProcCode (ProcCode)
) engine=MyISAM default charset=utf8mb3;

create table procedurelog (
  ProcNum bigint not null auto_increment primary key,
  PatNum bigint not null,
  AptNum bigint not null,
  PlannedAptNum bigint not null,
  ProcDate date not null default '0001-01-01',
  ProcFee double not null default 0,
  ProcStatus tinyint unsigned not null default 0,
  ProvNum bigint not null,
  CodeNum bigint not null,
  ClinicNum bigint not null,
  DateTStamp timestamp not null default current_timestamp on update current_timestamp,
  key AptNum (AptNum),
  key PatNum (PatNum)
) engine=MyISAM default charset=utf8mb3;

create table deletedobject (
  DeletedObjectNum bigint not null auto_increment primary key,
  ObjectNum bigint not null,
  ObjectType int not null,
  DateTStamp timestamp not null default current_timestamp on update current_timestamp
) engine=MyISAM default charset=utf8mb3;

create table histappointment (
  HistApptNum bigint not null auto_increment primary key,
  HistUserNum bigint not null,
  HistDateTStamp datetime not null default '0001-01-01 00:00:00',
  HistApptAction tinyint not null,
  ApptSource tinyint not null,
  AptNum bigint not null,
  PatNum bigint not null,
  AptStatus tinyint not null,
  key AptNum (AptNum)
) engine=MyISAM default charset=utf8mb3;

create table clinic (
  ClinicNum bigint not null auto_increment primary key,
  Description varchar(255) default '',
  Abbr varchar(255) not null,
  ItemOrder int not null,
  IsHidden tinyint not null,
  TimeZone varchar(75) not null
) engine=MyISAM default charset=utf8mb3;

create table preference (
  PrefName varchar(255) not null default '',
  ValueString text not null,
  PrefNum bigint not null auto_increment primary key,
  Comments text,
  key PrefName (PrefName)
) engine=MyISAM default charset=utf8mb3;
